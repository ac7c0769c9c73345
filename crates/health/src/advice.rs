//! What can warn and never fails.

use std::fmt;

type Ask = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// Evidence that is at hand whenever it is asked for, so that no task has to
/// gather it.
pub(crate) struct Advice {
    pub(crate) name: String,
    ask: Ask,
}

impl Advice {
    pub(crate) fn new(
        name: String,
        ask: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            ask: Box::new(ask),
        }
    }

    /// Why there is a warning, if there is one.
    pub(crate) fn ask(&self) -> Option<String> {
        (self.ask)()
    }
}

impl fmt::Debug for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Advice").field(&self.name).finish()
    }
}
