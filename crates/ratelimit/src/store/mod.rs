//! Where the one word of each key is kept.

mod local;

pub use local::{Cell, Id, Local};
