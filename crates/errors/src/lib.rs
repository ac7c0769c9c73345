//! A catalog of error codes and one shape for every failure: problem+json.
