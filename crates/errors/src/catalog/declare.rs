//! What one entry of `catalog!` says. The macro has held the rules to it.

use plimsoll_core::{Blame, Slo};

use crate::{Code, Grpc, Retry};

/// An entry as written. Each key of an entry is a method here.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    pub prefix: &'static str,
    pub number: u16,
    pub id: &'static str,
    pub reason: &'static str,
    pub status: Option<u16>,
    pub grpc: Option<Grpc>,
    pub blame: Option<Blame>,
    pub slo: Option<Slo>,
    pub retry: Option<Retry>,
    pub title: &'static str,
    pub client: &'static str,
    pub support: &'static str,
    pub operator: &'static str,
    pub owner: Option<&'static str>,
    pub runbook: Option<&'static str>,
    pub untested: Option<&'static str>,
}

impl Declared {
    pub const fn new(
        prefix: &'static str,
        number: u16,
        id: &'static str,
        reason: &'static str,
    ) -> Self {
        Self {
            prefix,
            number,
            id,
            reason,
            status: None,
            grpc: None,
            blame: None,
            slo: None,
            retry: None,
            title: "",
            client: "",
            support: "",
            operator: "",
            owner: None,
            runbook: None,
            untested: None,
        }
    }

    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    #[must_use]
    pub const fn grpc(mut self, grpc: Grpc) -> Self {
        self.grpc = Some(grpc);
        self
    }

    #[must_use]
    pub const fn blame(mut self, blame: Blame) -> Self {
        self.blame = Some(blame);
        self
    }

    #[must_use]
    pub const fn slo(mut self, slo: Slo) -> Self {
        self.slo = Some(slo);
        self
    }

    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    #[must_use]
    pub const fn title(mut self, text: &'static str) -> Self {
        self.title = text;
        self
    }

    #[must_use]
    pub const fn client(mut self, text: &'static str) -> Self {
        self.client = text;
        self
    }

    #[must_use]
    pub const fn support(mut self, text: &'static str) -> Self {
        self.support = text;
        self
    }

    #[must_use]
    pub const fn operator(mut self, text: &'static str) -> Self {
        self.operator = text;
        self
    }

    #[must_use]
    pub const fn owner(mut self, owner: &'static str) -> Self {
        self.owner = Some(owner);
        self
    }

    #[must_use]
    pub const fn runbook(mut self, address: &'static str) -> Self {
        self.runbook = Some(address);
        self
    }

    #[must_use]
    pub const fn untested(mut self, why: &'static str) -> Self {
        self.untested = Some(why);
        self
    }

    /// The code. The macro lets nothing pass in which status, blame or retry is missing.
    pub const fn code(self) -> Code {
        let status = match self.status {
            Some(status) => status,
            None => 500,
        };
        let blame = match self.blame {
            Some(blame) => blame,
            None => Blame::Server,
        };
        Code {
            id: self.id,
            prefix: self.prefix,
            number: self.number,
            reason: self.reason,
            status,
            grpc: match self.grpc {
                Some(grpc) => grpc,
                None => Grpc::of_status(status),
            },
            blame,
            slo: match self.slo {
                Some(slo) => slo,
                None => blame.slo(),
            },
            retry: match self.retry {
                Some(retry) => retry,
                None => Retry::Never,
            },
            title: self.title,
            client: self.client,
            support: self.support,
            operator: self.operator,
            owner: self.owner,
            runbook: self.runbook,
            untested: self.untested,
        }
    }
}
