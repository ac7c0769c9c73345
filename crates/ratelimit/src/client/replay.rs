//! How a request's body is had a second time.

use http_body::Body;

/// Longest body that is kept to be sent again, in bytes.
pub const MAX_REPLAYED: u64 = 1_048_576;

/// Gives a request's body again, for a retry.
pub trait Replay<B> {
    /// The body once more; `None` when there is no second one, so that the
    /// request is not retried.
    fn again(&self, body: &B) -> Option<B>;
}

/// By `Clone`, for bodies of a known length up to [`MAX_REPLAYED`], such as
/// `http_body_util::Full<Bytes>`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cloned;

impl<B: Body + Clone> Replay<B> for Cloned {
    fn again(&self, body: &B) -> Option<B> {
        let length = body.size_hint().upper()?;
        (length <= MAX_REPLAYED).then(|| body.clone())
    }
}

/// Never: nothing is retried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Once;

impl<B> Replay<B> for Once {
    fn again(&self, _: &B) -> Option<B> {
        None
    }
}

/// By code, such as reqwest's `Body::try_clone`.
#[derive(Debug, Clone, Copy)]
pub struct By<F>(pub F);

impl<B, F: Fn(&B) -> Option<B>> Replay<B> for By<F> {
    fn again(&self, body: &B) -> Option<B> {
        (self.0)(body)
    }
}
