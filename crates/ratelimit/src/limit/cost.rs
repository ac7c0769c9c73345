//! How many cells a request takes.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use plimsoll_core::current;

use super::LimitError;

/// Weighs a request; `None` leaves it to the route or the fixed cost.
type Weigh = Arc<dyn Fn(&Parts) -> Option<u32> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Cost {
    pub(crate) fixed: u32,
    pub(crate) routes: Vec<(&'static str, u32)>,
    pub(crate) by: Option<Weigh>,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            fixed: 1,
            routes: Vec::new(),
            by: None,
        }
    }
}

impl Cost {
    /// The cells of this request.
    pub(crate) fn of(&self, parts: Option<&Parts>) -> u32 {
        let weighed = self
            .by
            .as_ref()
            .zip(parts)
            .and_then(|(by, parts)| by(parts));
        weighed.or_else(|| self.of_route()).unwrap_or(self.fixed)
    }

    fn of_route(&self) -> Option<u32> {
        if self.routes.is_empty() {
            return None;
        }
        let route = current::with(|record| record.route)?;
        let row = self.routes.iter().find(|(named, _)| *named == route);
        row.map(|&(_, cells)| cells)
    }

    /// Whether those that are known beforehand fit a burst.
    pub(crate) fn check(&self, name: &str, burst: u32) -> Result<(), LimitError> {
        let never = self.known().find(|&cells| cells > burst);
        match never.or(Some(0).filter(|_| self.fixed == 0)) {
            None => Ok(()),
            Some(cost) => Err(LimitError::Cost {
                name: name.into(),
                cost,
                burst,
            }),
        }
    }

    /// Those that are known beforehand.
    pub(crate) fn known(&self) -> impl Iterator<Item = u32> {
        let routes = self.routes.iter().map(|&(_, cells)| cells);
        std::iter::once(self.fixed).chain(routes)
    }
}

impl fmt::Debug for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cost")
            .field("fixed", &self.fixed)
            .field("routes", &self.routes)
            .field("weighed", &self.by.is_some())
            .finish()
    }
}
