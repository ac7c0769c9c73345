use std::time::Duration;

use super::Builder;

impl Builder {
    /// How long the runtime, or one of its worker threads, may make no progress
    /// before liveness fails. Default: 30 s; a sixth of it warns.
    pub fn max_stall(mut self, limit: Duration) -> Self {
        self.health = self.health.max_stall(limit);
        self
    }
}
