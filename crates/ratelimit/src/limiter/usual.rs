//! The most frequent word in as few steps as can be: an only limit lets a request
//! pass, and what the client is told is what everybody is told.

use http::HeaderValue;
use plimsoll_core::Decided;

use super::debit::Debits;
use super::subject::Found;
use super::telling::Answer;
use super::{Label, Policy};
use crate::gcra::Decision;
use crate::headers;

/// What the limits say of a request, the usual apart: an [`Answer`] is large.
pub(crate) enum Word {
    Usual(Usual),
    Other(Answer),
}

/// A request that passes its only limit.
pub(crate) struct Usual {
    policy: &'static str,
    remaining: u32,
    /// The value of `RateLimit`.
    pub(crate) field: Option<HeaderValue>,
    pub(crate) debits: Debits,
}

impl Usual {
    #[inline]
    pub(super) fn of(policy: &Policy, found: &Found, decision: &Decision) -> Self {
        policy.count(Label::Allow);
        Self {
            policy: policy.name,
            remaining: decision.remaining,
            field: headers::only_item(policy.name, decision),
            debits: Debits::of_one(found, decision),
        }
    }

    /// What signals tell of it.
    #[inline]
    pub(crate) fn decided(&self) -> Decided {
        Decided {
            remaining: self.remaining,
            ..Decided::new(self.policy, Label::Allow.as_str())
        }
    }
}

impl Word {
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::Usual(usual) => Answer {
                decided: Some(usual.decided()),
                field: usual.field,
                debits: usual.debits,
                ..Answer::default()
            },
            Self::Other(answer) => answer,
        }
    }
}
