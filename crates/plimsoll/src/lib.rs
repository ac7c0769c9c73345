//! One tower layer that makes a service observable and bounded.
