//! The sample: a card service that uses only the facade.
