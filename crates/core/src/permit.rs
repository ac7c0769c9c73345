//! What a request holds from call to the end of its body.

use std::fmt;
use std::sync::Arc;

/// Gives back what a [`Permit`] took.
pub trait Release: Send + Sync {
    /// Called once, when the request that held the permit has ended.
    fn release(&self);
}

/// Held by a request until the end of its body; released by drop, once.
pub struct Permit(Arc<dyn Release>);

impl Permit {
    /// A permit that `of` has already counted.
    pub fn new(of: Arc<dyn Release>) -> Self {
        Self(of)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}
