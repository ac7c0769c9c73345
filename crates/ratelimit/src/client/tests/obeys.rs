//! What a server says is kept to, and no longer than it says.

use super::*;

fn told(status: u16, limit: &'static str, wait: Option<u32>) -> Response<Bodied> {
    let mut answer = Response::builder().status(status);
    if !limit.is_empty() {
        answer = answer.header("ratelimit", limit);
    }
    if let Some(wait) = wait {
        answer = answer.header("retry-after", wait);
    }
    answer.body(Full::default()).unwrap()
}

/// Seconds that the second call waits after an answer.
async fn second_waits(first: impl Fn() -> Response<Bodied> + Clone + Send + 'static) -> u64 {
    let layer = PacingLayer::new().patience(Duration::from_mins(2));
    let (client, _) = client(&layer, move |number, _| match number {
        0 => first(),
        _ => Response::new(Full::default()),
    });
    client.clone().oneshot(to("/")).await.unwrap();
    let began = Instant::now();
    client.oneshot(to("/")).await.unwrap();
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn retry_after_stands_above_the_fields_beside_it() {
    let left = r#""p";r=9;t=9"#;
    let none = r#""p";r=0;t=5"#;
    for (status, limit, wait, waited) in [
        (429, left, 20, 20),
        (429, none, 20, 20),
        (429, none, 2, 2),
        (503, left, 20, 20),
        (503, none, 20, 20),
        // Room in the server says nothing of the quota.
        (503, none, 2, 5),
        (503, "", 20, 20),
        // Where nothing was refused it is not about the next request.
        (200, left, 20, 0),
    ] {
        let seconds = second_waits(move || told(status, limit, Some(wait))).await;
        assert_eq!(seconds, waited, "{status} {limit} {wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_counts_bytes_holds_no_request_back() {
    let policies = HeaderValue::from_static(r#""p";q=9;qu="content-bytes";w=60"#);
    let answer = move || {
        let mut answer = told(200, r#""p";r=0;t=60"#, None);
        let headers = answer.headers_mut();
        headers.insert("ratelimit-policy", policies.clone());
        answer
    };
    assert_eq!(second_waits(answer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_switches_its_limit_off_frees_its_clients() {
    let layer = PacingLayer::new().patience(Duration::from_mins(10));
    let (client, sent) = client(&layer, move |number, _| match number {
        0..3 => told(200, r#""p";r=0;t=10"#, None),
        _ => told(200, "", None),
    });
    let began = Instant::now();
    let calls = (0..50).map(|_| client.clone().oneshot(to("/")));
    // The first goes alone, so that the others know of the limit.
    client.clone().oneshot(to("/")).await.unwrap();
    futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), 51);
    // Ten seconds for each of two that are told so, and for one that is not.
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_an_answer_does_not_name_is_gone() {
    let layer = PacingLayer::new();
    let (client, _) = client(&layer, move |number, _| match number {
        0 => told(200, r#""old";r=0;t=9"#, None),
        _ => told(200, r#""new";r=9;t=1"#, None),
    });
    for waited in [0, 9, 0, 0] {
        let began = Instant::now();
        client.clone().oneshot(to("/")).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), waited);
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_turn_of_a_retry_comes_too_late_the_caller_has_the_answer_there_is() {
    let layer = PacingLayer::new();
    let (client, sent) = client(&layer, |_, _| {
        let mut answer = problem(500, "safe");
        let field = HeaderValue::from_static(r#""day";r=0;t=60"#);
        answer.headers_mut().insert("ratelimit", field);
        answer
    });
    let answer = client.oneshot(to("/")).await.unwrap();
    assert_eq!(answer.status(), 500);
    let counts = [Event::Retried, Event::GivenUp].map(|event| layer.counts().of(event));
    assert_eq!((counts, sent.load(Ordering::Relaxed)), ([0, 1], 1));
}
