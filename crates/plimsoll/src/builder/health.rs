use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use plimsoll_core::settings::Fault;
use plimsoll_health::{Budget, BudgetError};

use super::Builder;

/// Where a pod's probes and metrics are unless told otherwise.
const POD_PORT: u16 = 8_081;

/// Set in every container of a pod.
const KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

impl Builder {
    /// How long the runtime, or one of its worker threads, may make no progress
    /// before liveness fails. Default: 30 s; a sixth of it warns.
    pub fn max_stall(mut self, limit: Duration) -> Self {
        self.health = self.health.max_stall(limit);
        self
    }

    /// Under Kubernetes: every address of the pod, of the cluster's own kind.
    pub(super) fn pod(&self) -> Option<SocketAddr> {
        let env = self.variables().into_iter();
        let host = { env }.find(|(name, host)| name == KUBERNETES && !host.is_empty());
        let (_, host) = host?;
        let every = match host.parse() {
            Ok(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        Some(SocketAddr::new(every, POD_PORT))
    }

    /// The status listener's address as the code has it.
    pub(super) fn status_in_code(&self) -> Option<SocketAddr> {
        if self.status_named {
            return self.status;
        }
        self.pod().or(self.status)
    }
}

/// What is told of steps that did not fit, and of those that are used instead.
pub(super) fn cut(error: &BudgetError, used: &Budget) -> Fault {
    let Budget {
        propagation,
        drain,
        flush,
        grace,
    } = used;
    Fault {
        setting: "wait, drain, flush, grace".into(),
        problem: format!(
            "{error}; used: wait {propagation:?}, drain {drain:?}, flush {flush:?} of a grace of {grace:?}"
        ),
    }
}
