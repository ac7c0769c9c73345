//! What everybody is told of the limits, in every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use plimsoll_core::value;

use super::Policy;
use crate::headers;

/// The value of `RateLimit-Policy`. That of the start costs no step that cores
/// share; most limiters never have another.
#[derive(Debug)]
pub(super) struct Advertised {
    first: Option<HeaderValue>,
    has_changed: AtomicBool,
    now: ArcSwapOption<HeaderValue>,
}

impl Advertised {
    pub(super) fn new(policies: &[Policy]) -> Self {
        let field = field(policies);
        let told = !field.is_empty();
        Self {
            first: told.then(|| value::fixed(&field)).flatten(),
            has_changed: AtomicBool::new(false),
            now: ArcSwapOption::empty(),
        }
    }

    /// After a quota was changed.
    pub(super) fn change(&self, policies: &[Policy]) {
        let value = HeaderValue::try_from(field(policies)).ok();
        self.now.store(value.map(Arc::new));
        self.has_changed.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn value(&self) -> Option<HeaderValue> {
        if self.has_changed.load(Ordering::Acquire) {
            return self.now.load().as_deref().cloned();
        }
        self.first.clone()
    }
}

fn field(policies: &[Policy]) -> String {
    let mut field = String::new();
    for policy in policies {
        let quota = policy.rate.quota();
        headers::policy_item(&mut field, policy.name, &quota, policy.unit, None);
    }
    field
}
