use std::convert::Infallible;
use std::future::ready;

use http::{HeaderValue, Request, Response};
use tower::{Service, ServiceExt, service_fn};

use super::{Chain, Gate, Gated, Refused};
use crate::refusal::Refusal;

/// Refuses what names it in `x-refuse`; writes its name under the answer.
struct Named(&'static str);

impl Gate for Named {
    type Pass = &'static str;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<&'static str, Refused<&'static str>> {
        let refuses = request.headers().get("x-refuse");
        if refuses.is_some_and(|name| name == self.0) {
            return Err(Refused {
                refusal: Refusal::Draining,
                pass: self.0,
            });
        }
        Ok(self.0)
    }

    fn answer<B>(&self, pass: &'static str, response: &mut Response<B>) {
        let name = HeaderValue::from_static(pass);
        response.headers_mut().append("x-gate", name);
    }
}

#[tokio::test]
async fn the_inner_gate_answers_first_and_is_asked_only_about_what_passes() {
    let gates = || Chain::new(Named("a"), Chain::new(Named("b"), Named("c")));
    for (refuse, status, answered) in [
        ("nobody", 200, &["c", "b", "a"][..]),
        ("c", 503, &["c", "b", "a"]),
        ("b", 503, &["b", "a"]),
        ("a", 503, &["a"]),
    ] {
        let handler = service_fn(|_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::new(String::from("card"))))
        });
        let request = Request::builder().header("x-refuse", refuse);
        let service = Gated::new(handler, gates());
        let answer = service.oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{refuse}");
        let names: Vec<_> = answer.headers().get_all("x-gate").iter().collect();
        assert_eq!(names, answered, "{refuse}");
        assert_eq!(answer.body().is_empty(), status == 503);
    }
}

#[tokio::test]
async fn polled_again_a_refusal_waits_for_nothing() {
    let handler = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
    let request = Request::builder().header("x-refuse", "a");
    let mut future = Gated::new(handler, Named("a")).call(request.body(()).unwrap());
    assert_eq!((&mut future).await.unwrap().status(), 503);
    let mut again = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(
        std::pin::Pin::new(&mut future)
            .poll(&mut again)
            .is_pending()
    );
}
