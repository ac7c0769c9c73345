//! The `RateLimit` and `RateLimit-Policy` fields (IETF draft
//! draft-ietf-httpapi-ratelimit-headers-11; structured fields, RFC 9651).
//!
//! `RateLimit-Policy` tells quota and window as configured and never changes.
//! `RateLimit` tells `r`, the cells left, and `t`, a window so long that r/t
//! never invites more than the sustained rate: with slack = L − backlog,
//! r = ⌊slack/T⌋ and t = ⌈slack⌉ seconds; with nothing left t is the wait.

mod kept;

use std::fmt::Write;

use http::{HeaderName, HeaderValue};
use plimsoll_core::value::Text;

use crate::answers::{Form, PartitionKey};
use crate::gcra::{Decision, Verdict};
use crate::limit::Unit;
use crate::quota::Quota;

/// `RateLimit`.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// `X-RateLimit-Limit`.
pub const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// `X-RateLimit-Remaining`.
pub const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// `X-RateLimit-Reset`, seconds from now.
pub const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// `RateLimit-Policy`.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const SECOND: u64 = 1_000_000_000;

/// The item of a policy; a burst other than the quota is told by a parameter of our own.
///
/// ```
/// use plimsoll_ratelimit::{Quota, Unit, headers::policy_item};
///
/// let mut field = String::new();
/// policy_item(&mut field, "per-client", &Quota::per_minute(50), Unit::Requests, None);
/// policy_item(&mut field, "bytes", &Quota::per_second(10).burst(20), Unit::ContentBytes, None);
/// assert_eq!(
///     field,
///     r#""per-client";q=50;w=60, "bytes";q=10;qu="content-bytes";w=1;plimsoll-burst=20"#,
/// );
/// ```
pub fn policy_item(
    field: &mut String,
    name: &str,
    quota: &Quota,
    unit: Unit,
    partition: Option<PartitionKey>,
) {
    separate(field);
    let (count, window, unit) = (quota.count(), quota.window().as_secs(), unit.parameter());
    let _ = write!(field, "\"{name}\";q={count}{unit};w={window}");
    if let Some(partition) = partition {
        let _ = write!(field, ";pk=:{partition}:");
    }
    if quota.burst_size() != count {
        let _ = write!(field, ";plimsoll-burst={}", quota.burst_size());
    }
}

/// The items of all limits' decisions on one request: room for the most limits
/// with the longest names.
pub(crate) type Field = Text<1_024>;

/// The whole field of an only limit whose keys have no partition.
#[inline]
pub(crate) fn only_item(name: &'static str, decision: &Decision) -> Option<HeaderValue> {
    kept::item(name, left_and_window(decision))
}

/// The item of a decision.
pub(crate) fn limit_item(
    field: &mut Field,
    name: &str,
    decision: &Decision,
    partition: Option<PartitionKey>,
) {
    if !field.is_empty() {
        field.push(", ");
    }
    write_item(field, name, left_and_window(decision));
    if let Some(partition) = partition {
        let text = partition.base64();
        field.push(";pk=:");
        field.push(std::str::from_utf8(&text).unwrap_or_default());
        field.push(":");
    }
}

fn write_item<const N: usize>(field: &mut Text<N>, name: &str, (left, window): (u32, u64)) {
    field.push("\"");
    field.push(name);
    field.push("\";r=");
    field.number(left.into());
    field.push(";t=");
    field.number(window);
}

/// The fields of an older form: they tell one policy, the tightest, and of the
/// others at most their quotas.
pub(crate) fn older(
    form: Form,
    decision: &Decision,
    tightest: &Quota,
    all: impl Iterator<Item = Quota>,
) -> Vec<(HeaderName, HeaderValue)> {
    let (left, window) = left_and_window(decision);
    // What is left counts up to the burst, and nobody can have more left than the limit.
    let limit = tightest.count().max(tightest.burst_size());
    match form {
        Form::Draft11 | Form::Off => Vec::new(),
        Form::Draft7 => {
            let mut policies = String::new();
            for quota in all {
                separate(&mut policies);
                let _ = write!(policies, "{};w={}", quota.count(), quota.window().as_secs());
            }
            let told = format!("limit={limit}, remaining={left}, reset={window}");
            let rows = [(RATE_LIMIT, told), (RATE_LIMIT_POLICY, policies)];
            let valued = rows.map(|(name, text)| (name, HeaderValue::try_from(text)));
            let valued = valued.into_iter();
            valued
                .filter_map(|(name, value)| Some((name, value.ok()?)))
                .collect()
        }
        Form::XRateLimit => vec![
            (X_LIMIT, limit.into()),
            (X_REMAINING, left.into()),
            (X_RESET, window.into()),
        ],
    }
}

/// `r` and `t`, in cells and seconds.
#[inline]
pub fn left_and_window(decision: &Decision) -> (u32, u64) {
    let wait = match decision.verdict {
        Verdict::Deny { retry_after } => retry_after,
        Verdict::Allow | Verdict::NeverFits => decision.next_cell,
    };
    match decision.remaining {
        0 => (0, wait.div_ceil(SECOND).max(1)),
        left if decision.allows() => (left, decision.slack.div_ceil(SECOND).max(1)),
        // Cells are left, but fewer than the request costs.
        left => (left, wait.max(decision.slack).div_ceil(SECOND).max(1)),
    }
}

fn separate(field: &mut String) {
    if !field.is_empty() {
        field.push_str(", ");
    }
}

pub(crate) fn value<const N: usize>(field: &Text<N>) -> Option<HeaderValue> {
    if field.is_empty() || !field.is_whole() {
        return None;
    }
    plimsoll_core::value::header(field.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_left_over_the_window_never_exceeds_the_rate(
            count in 1_u32..10_000, window in 1_u64..4_000, burst in 1_u32..500, ahead: u32, cost in 0_u32..3,
        ) {
            let quota = Quota::per(count, std::time::Duration::from_secs(window)).burst(burst);
            prop_assume!(quota.check().is_ok());
            let gcra = quota.check().unwrap();
            let (decision, _) = gcra.decide(7 + u64::from(ahead), 7, cost);
            let (left, seconds) = left_and_window(&decision);
            prop_assert!(seconds > 0);
            prop_assert!(u64::from(left) * gcra.interval() <= seconds * SECOND);
        }
    }

    #[test]
    fn an_older_form_never_tells_more_left_than_the_limit() {
        for (quota, limit) in [
            (Quota::per_second(10).burst(50), 50),
            (Quota::per_second(10).burst(5), 10),
        ] {
            let (decision, _) = quota.check().unwrap().decide(0, 9, 1);
            let told = |form| older(form, &decision, &quota, std::iter::once(quota));
            let x = told(Form::XRateLimit);
            assert_eq!((&x[0].0, &x[0].1), (&X_LIMIT, &HeaderValue::from(limit)));
            let left = quota.burst_size() - 1;
            assert_eq!(x[1].1, HeaderValue::from(left));
            let seven = told(Form::Draft7);
            let expected = format!("limit={limit}, remaining={left}, reset=");
            assert!(seven[0].1.to_str().unwrap().starts_with(&expected));
        }
    }

    #[test]
    fn the_window_shrinks_in_a_burst() {
        let gcra = Quota::per_second(1).burst(60).check().unwrap();
        let (mut tat, mut seen) = (0, Vec::new());
        for _ in 0..61 {
            let (decision, kept) = gcra.decide(tat, 9, 1);
            tat = kept;
            seen.push(left_and_window(&decision));
        }
        assert_eq!(seen[0], (59, 59));
        assert_eq!(seen[29], (30, 30));
        assert_eq!(seen[59], (0, 1));
        assert_eq!(seen[60], (0, 1));
    }
}
