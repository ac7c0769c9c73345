//! The configuration and the `Layer`.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::{Counts, Errors, Shape};
use crate::Problem;
use crate::problem::RELATIVE_BASE;
use crate::types::Types;

/// Largest declared request body, in bytes, unless configured: 2 MiB.
pub const BODY_LIMIT: u64 = 2 * 1024 * 1024;

/// Turns our shape into a service's own format, by what was asked (its extensions
/// are left out). `None` keeps ours; a panic does too, and is counted.
pub type Mapper = fn(&Problem, &Parts) -> Option<Response<Bytes>>;

/// Gives every failure one shape; see [the module](crate::layer).
#[derive(Debug, Clone, Default)]
pub struct ErrorsLayer {
    style: Arc<Style>,
}

/// What a layer and its services share.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    base: Cow<'static, str>,
    mapper: Option<Mapper>,
    pub(super) body_limit: Option<u64>,
    pub(super) rollout: Rollout,
    pub(crate) shape: Shape,
    pub(crate) types: Types,
    pub(crate) domain: Cow<'static, str>,
    pub(crate) counts: Arc<Counts>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            base: RELATIVE_BASE.into(),
            mapper: None,
            body_limit: Some(BODY_LIMIT),
            rollout: Rollout::default(),
            shape: Shape::default(),
            types: Types::default(),
            domain: Cow::Borrowed(""),
            counts: Arc::default(),
        }
    }
}

impl Style {
    /// Whether problems look as they do without any layer.
    pub(crate) fn is_plain(&self) -> bool {
        self.mapper.is_none() && self.base == RELATIVE_BASE && self.types == Types::Own
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn has_mapper(&self) -> bool {
        self.mapper.is_some()
    }

    pub(crate) fn mapped(
        &self,
        problem: &Problem,
        parts: Option<&Parts>,
    ) -> Option<Response<Bytes>> {
        let (map, parts) = self.mapper.zip(parts)?;
        // The host's code, run outside its handler: a panic in it keeps our shape.
        let mapped = catch_unwind(AssertUnwindSafe(|| map(problem, parts)));
        mapped.unwrap_or_else(|_| {
            self.counts.mapper_panicked();
            None
        })
    }
}

impl ErrorsLayer {
    /// Relative `type`, [`BODY_LIMIT`], everything enforced.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the pages of the codes are, for `type`: an absolute URL without
    /// the code, `https://api.example.test/errors`.
    #[must_use]
    pub fn base(self, url: impl Into<String>) -> Self {
        let mut url = url.into();
        url.truncate(url.trim_end_matches('/').len());
        self.with(|style| style.base = url.into())
    }

    /// Whose failures take the shape. Default: [`Shape::Ours`].
    #[must_use]
    pub fn shape(self, shape: Shape) -> Self {
        self.with(|style| style.shape = shape)
    }

    /// What a problem's `type` is. Default: [`Types::Own`].
    #[must_use]
    pub fn types(self, types: Types) -> Self {
        self.with(|style| style.types = types)
    }

    /// What `domain` says in the `ErrorInfo` of a gRPC failure: the name under
    /// which the service is known. Default: the prefix of the code's catalog.
    #[must_use]
    pub fn domain(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(|style| style.domain = name.into())
    }

    /// Turns our shape into the service's own; the head of every request is copied
    /// for it. Not asked for gRPC calls.
    #[must_use]
    pub fn mapper(self, mapper: Mapper) -> Self {
        self.with(|style| style.mapper = Some(mapper))
    }

    /// Largest declared request body in bytes; `None` for no limit. A body sent
    /// in chunks is bounded by axum's `DefaultBodyLimit` in its extractors.
    #[must_use]
    pub fn body_limit(self, bytes: Option<u64>) -> Self {
        self.with(|style| style.body_limit = bytes)
    }

    /// The modes of the service; this layer acts for `Part::Shape`.
    #[must_use]
    pub fn rollout(self, rollout: Rollout) -> Self {
        self.with(|style| style.rollout = rollout)
    }

    /// What is said here of a setting (`shape`, `errors_types`, `errors_base`,
    /// `body_limit`), as text.
    pub fn in_code(&self, key: &str) -> Option<String> {
        let style = &self.style;
        match key {
            "errors_types" => Some(style.types.to_string()),
            "shape" => Some(style.shape.to_string()),
            "errors_base" => Some(style.base.to_string()),
            "body_limit" => Some(style.body_limit?.to_string()),
            _ => None,
        }
    }

    /// What could not be shaped so far, and how often the mapper panicked.
    pub fn counts(&self) -> &Counts {
        &self.style.counts
    }

    fn with(mut self, change: impl FnOnce(&mut Style)) -> Self {
        change(Arc::make_mut(&mut self.style));
        self
    }
}

impl<S> Layer<S> for ErrorsLayer {
    type Service = Errors<S>;

    fn layer(&self, inner: S) -> Errors<S> {
        Errors::new(inner, Arc::clone(&self.style))
    }
}
