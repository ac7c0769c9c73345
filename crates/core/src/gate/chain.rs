use http::{Request, Response};

use super::{Gate, Refused};

/// Two gates, one behind the other. The inner one is asked only about what the
/// outer one lets pass, and answers first.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    outer: A,
    inner: B,
}

impl<A, B> Chain<A, B> {
    /// `outer` around `inner`.
    pub const fn new(outer: A, inner: B) -> Self {
        Self { outer, inner }
    }
}

impl<A: Gate, B: Gate> Gate for Chain<A, B> {
    type Pass = (A::Pass, Option<B::Pass>);

    fn admit<Q>(&self, request: &mut Request<Q>) -> Result<Self::Pass, Refused<Self::Pass>> {
        let outer = self.outer.admit(request).map_err(|no| Refused {
            refusal: no.refusal,
            pass: (no.pass, None),
        })?;
        match self.inner.admit(request) {
            Ok(inner) => Ok((outer, Some(inner))),
            Err(no) => Err(Refused {
                refusal: no.refusal,
                pass: (outer, Some(no.pass)),
            }),
        }
    }

    fn answer<Q>(&self, (outer, inner): Self::Pass, response: &mut Response<Q>) {
        if let Some(inner) = inner {
            self.inner.answer(inner, response);
        }
        self.outer.answer(outer, response);
    }
}
