//! What a server still gets to do when callers wait, give up and come again.

use super::*;

/// What a server of a quota saw and said; it answers after `latency`.
#[derive(Clone)]
struct Server {
    began: Instant,
    gcra: Gcra,
    /// `RateLimit-Policy`.
    policy: String,
    latency: Duration,
    tat: Arc<std::sync::Mutex<u64>>,
    denied: Arc<AtomicU32>,
}

impl Server {
    fn new(count: u32, burst: u32, latency: Duration) -> Self {
        Self {
            began: Instant::now(),
            gcra: Quota::per_second(count).burst(burst).check().unwrap(),
            policy: format!(r#""p";q={count};w=1;plimsoll-burst={burst}"#),
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
            .header("ratelimit-policy", self.policy);
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

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    /// No turn is lost, whoever leaves when: who stays until the end is answered.
    #[test]
    fn those_that_stay_have_their_turn(
        calls in proptest::collection::vec((0_u64..300, proptest::option::of(0_u64..2_000)), 1..120),
        burst in 1_u32..20,
        latency in 0_u64..300,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let (stayed, took, denied) = runtime.unwrap().block_on(all(&calls, burst, latency));
        let asked = calls.iter().filter(|(_, leaves)| leaves.is_none()).count();
        proptest::prop_assert_eq!((stayed, denied), (asked, 0));
        proptest::prop_assert_eq!(denied, 0);
        // A burst of one is told as one a second, and what is under way as not counted yet.
        let most = calls.iter().map(|(gap, _)| gap).sum::<u64>() / 1_000 + 3 * calls.len() as u64 + 2;
        proptest::prop_assert!(took <= most, "{} of {} s", took, most);
    }
}

/// Calls that come one after the other and leave after a time, if ever: how many
/// of those that stayed were answered, the seconds it took, and the 429s.
async fn all(calls: &[(u64, Option<u64>)], burst: u32, latency: u64) -> (usize, u64, u32) {
    let server = Server::new(10, burst, Duration::from_millis(latency));
    let layer = PacingLayer::new().patience(Duration::from_hours(1));
    let of_server = server.clone();
    let client = layer.layer(service_fn(move |_: Request<Bodied>| {
        of_server.clone().answer()
    }));
    // What goes before the first answer knows of no limit.
    client.clone().oneshot(to("/")).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for &(gap, leaves) in calls {
        tokio::time::sleep(Duration::from_millis(gap)).await;
        let call = client.clone().oneshot(to("/"));
        tasks.spawn(async move {
            let Some(leaves) = leaves else {
                return call.await.is_ok_and(|answer| answer.status() == 200);
            };
            let _ = tokio::time::timeout(Duration::from_millis(leaves), call).await;
            false
        });
    }
    let stayed = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    let denied = server.denied.load(Ordering::Relaxed);
    (stayed, server.began.elapsed().as_secs(), denied)
}
