//! What a server still gets to do when callers wait, give up and come again.

use super::*;

/// What a server of a quota saw and said; it answers after `latency`.
#[derive(Clone)]
struct Server {
    began: Instant,
    gcra: Gcra,
    count: u32,
    latency: Duration,
    tat: Arc<std::sync::Mutex<u64>>,
    denied: Arc<AtomicU32>,
}

impl Server {
    fn new(count: u32, burst: u32, latency: Duration) -> Self {
        Self {
            began: Instant::now(),
            gcra: Quota::per_second(count).burst(burst).check().unwrap(),
            count,
            latency,
            tat: Arc::default(),
            denied: Arc::default(),
        }
    }

    async fn answer(self) -> Result<Response<Bodied>, Infallible> {
        let now = 1_000_000_000 + u64::try_from(self.began.elapsed().as_nanos()).unwrap();
        let decision = {
            let mut tat = self.tat.lock().unwrap();
            let (decision, kept) = self.gcra.decide(*tat, now, 1);
            *tat = kept;
            decision
        };
        self.denied
            .fetch_add(u32::from(!decision.allows()), Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        let (left, window) = left_and_window(&decision);
        let answer = Response::builder().status(if decision.allows() { 200 } else { 429 });
        let answer = answer
            .header("ratelimit", format!(r#""p";r={left};t={window}"#))
            .header("ratelimit-policy", format!(r#""p";q={};w=1"#, self.count));
        Ok(answer.body(Full::default()).unwrap())
    }
}

/// Answers in time of twenty seconds of calls at 50/s, each given up after a second.
async fn answered(server: &Server, patience: Duration) -> (u32, PacingLayer) {
    let layer = PacingLayer::new().patience(patience);
    let of_server = server.clone();
    let client = layer.layer(service_fn(move |_: Request<Bodied>| {
        of_server.clone().answer()
    }));
    client.clone().oneshot(to("/")).await.unwrap();
    let in_time = Arc::new(AtomicU32::new(0));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (client, in_time) = (client.clone(), Arc::clone(&in_time));
        calls.spawn(async move {
            let call = client.oneshot(to("/"));
            let answer = tokio::time::timeout(Duration::from_secs(1), call).await;
            let took = matches!(answer, Ok(Ok(answer)) if answer.status() == 200);
            in_time.fetch_add(u32::from(took), Ordering::Relaxed);
        });
    }
    while calls.join_next().await.is_some() {}
    (in_time.load(Ordering::Relaxed), layer)
}

#[tokio::test(start_paused = true)]
async fn callers_that_give_up_take_no_cells_along() {
    // Two hundred and ten is all that the quota holds.
    for (millis, at_least) in [(0, 180), (50, 150), (200, 120)] {
        let server = Server::new(10, 10, Duration::from_millis(millis));
        let (in_time, layer) = answered(&server, Duration::from_secs(10)).await;
        let denied = server.denied.load(Ordering::Relaxed);
        assert!(in_time >= at_least, "{in_time} after {millis} ms");
        assert!(denied <= 5, "{denied} denied after {millis} ms");
        assert!(layer.counts().of(Event::Waited) > 500);
    }
}
