//! A response body that does what a test wrote down.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

/// What a [`Script`] does when it is polled.
#[derive(Debug, Clone)]
pub enum Step {
    /// Hands on these bytes.
    Data(&'static str),
    /// Hands on these trailers and is at its end.
    Trailers(&'static [(&'static str, &'static str)]),
    /// Fails with this message.
    Fail(&'static str),
    /// Panics with this message.
    Panic(&'static str),
    /// Waits for ever.
    Hang,
}

/// A body of [`Step`]s; after the last one it is at its end. It declares no length.
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
#[derive(Debug, Default)]
pub struct Script(VecDeque<Step>);

impl Script {
    /// A body of these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if matches!(self.0.front(), Some(Step::Hang)) {
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().map(|step| match step {
            Step::Data(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Step::Trailers(pairs) => {
                let mut trailers = HeaderMap::new();
                for (name, value) in pairs {
                    trailers.insert(*name, value.parse().unwrap());
                }
                Ok(Frame::trailers(trailers))
            }
            Step::Fail(message) => Err(std::io::Error::other(message)),
            Step::Panic(message) => panic!("{message}"),
            Step::Hang => Err(std::io::Error::other("handled above")),
        }))
    }
}
