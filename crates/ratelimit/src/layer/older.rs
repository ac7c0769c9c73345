//! The fields of the older forms in an answer. They tell one limit only, so
//! those of an outer and an inner limiter cannot stand side by side.

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use plimsoll_core::Refusal;

use crate::headers::{RATE_LIMIT, X_REMAINING};

/// Says what the tighter of two limiters says; that of a refusal is the one that refused.
pub(super) fn tell<B>(fields: Vec<(HeaderName, HeaderValue)>, response: &mut Response<B>) {
    let own = fields.iter().find_map(|(name, value)| left(name, value));
    let refused_inside = response.extensions().get::<Refusal>().is_some();
    let headers = response.headers_mut();
    let is_tighter = match (own, said(headers)) {
        (_, None) => true,
        (Some(own), Some(inner)) => !refused_inside && own < inner,
        (None, Some(_)) => false,
    };
    if is_tighter {
        for (name, value) in fields {
            headers.insert(name, value);
        }
    }
}

/// What the answer says already to be left.
fn said(headers: &HeaderMap) -> Option<u64> {
    [X_REMAINING, RATE_LIMIT]
        .iter()
        .find_map(|name| left(name, headers.get(name)?))
}

/// What a field of either older form says to be left.
fn left(name: &HeaderName, value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    if name == X_REMAINING {
        return text.trim().parse().ok();
    }
    if name != RATE_LIMIT {
        return None;
    }
    let mut members = text.split(',').map(str::trim);
    let left = members.find_map(|member| member.strip_prefix("remaining="))?;
    left.parse().ok()
}
