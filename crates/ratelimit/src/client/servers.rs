//! How the servers took what was sent to them.

use std::collections::HashMap;

use super::throttle::Throttle;

/// Servers throttled apart; the excess shares one.
const MAX_SERVERS: usize = 64;

/// Name of what the excess shares.
const OTHERS: &str = "";

#[derive(Debug, Default)]
pub(super) struct Servers(HashMap<String, Throttle>);

impl Servers {
    pub(super) fn of(&mut self, server: &str) -> &mut Throttle {
        let known = self.0.contains_key(server) || self.0.len() < MAX_SERVERS;
        let name = if known { server } else { OTHERS };
        self.0.entry(name.into()).or_default()
    }
}
