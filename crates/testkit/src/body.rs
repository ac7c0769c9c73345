//! A response body that does what a test wrote down.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// What a [`Script`] does when it is polled.
#[derive(Debug, Clone)]
pub enum Step {
    /// Hands on these bytes.
    Data(&'static str),
    /// Hands on these trailers and is at its end.
    Trailers(&'static [(&'static str, &'static str)]),
    /// Fails with this message.
    Fail(&'static str),
    /// Panics with this message, past the process's panic hook: the test's output
    /// stays free of it.
    Panic(&'static str),
    /// Waits for ever.
    Hang,
}

/// A body of [`Step`]s; after the last one it is at its end. It declares no
/// length unless it is told to.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use http_body_util::BodyExt as _;
/// use plimsoll_testkit::body::{Script, Step};
///
/// let body = Script::new([Step::Data("ab"), Step::Data("c")]);
/// assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
/// # });
/// ```
///
/// One that declares more than it has, says by itself when it is at its end,
/// and panics when it is dropped:
///
/// ```
/// use http_body::Body as _;
/// use plimsoll_testkit::body::{Script, Step};
///
/// let body = Script::new([Step::Data("ab")])
///     .declaring(3)
///     .knowing_its_end()
///     .panicking_in_drop("on purpose");
/// assert_eq!(body.size_hint().exact(), Some(3));
/// assert!(!body.is_end_stream());
/// assert!(std::panic::catch_unwind(move || drop(body)).is_err());
/// ```
#[derive(Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    declared: Option<u64>,
    knows_its_end: bool,
    panics_in_drop: Option<&'static str>,
}

impl Script {
    /// A body of these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Declares this many bytes, whether it has them or not.
    #[must_use]
    pub fn declaring(mut self, bytes: u64) -> Self {
        self.declared = Some(bytes);
        self
    }

    /// Says `is_end_stream` after its last step; a server need not poll again.
    #[must_use]
    pub fn knowing_its_end(mut self) -> Self {
        self.knows_its_end = true;
        self
    }

    /// Panics with this message when it is dropped, unless a panic is under way.
    #[must_use]
    pub fn panicking_in_drop(mut self, message: &'static str) -> Self {
        self.panics_in_drop = Some(message);
        self
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Some(message) = self.panics_in_drop
            && !std::thread::panicking()
        {
            resume_unwind(Box::new(message));
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if matches!(self.steps.front(), Some(Step::Hang)) {
            return Poll::Pending;
        }
        Poll::Ready(self.steps.pop_front().map(|step| match step {
            Step::Data(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Step::Trailers(pairs) => {
                let mut trailers = HeaderMap::new();
                for (name, value) in pairs {
                    trailers.insert(*name, value.parse().unwrap());
                }
                Ok(Frame::trailers(trailers))
            }
            Step::Fail(message) => Err(std::io::Error::other(message)),
            Step::Panic(message) => resume_unwind(Box::new(message)),
            Step::Hang => Err(std::io::Error::other("handled above")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.declared
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
