//! Probes on the service's own port, in a pod, and on the metrics page; what an
//! operator says of a shutdown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use http::{Request, Response};
use plimsoll::{Check, Limit, Plimsoll, Quota};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{ask, get, instance, metric, serve, status};

#[tokio::test]
async fn on_the_services_own_port_probes_are_no_requests_of_the_service() {
    let once = Limit::per_client().quota(Quota::per_hour(1));
    let (plimsoll, lines) = instance(|builder| builder.limit(once));
    let app = Router::new()
        .route("/cards", route(async || "cards"))
        .fallback(async || "the service's own")
        .layer(plimsoll.layer())
        .merge(plimsoll.status_router());
    let address = serve(app).await;
    for path in [
        "/livez",
        "/readyz?verbose",
        "/startupz",
        "/livez/runtime",
        "/health",
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask(address, method, path).await;
            assert_eq!(status(&answer), 200, "{method} {path}: {answer}");
        }
        let answer = ask(address, "POST", path).await;
        assert_eq!(status(&answer), 405, "{path}: {answer}");
    }
    assert!(
        get(address, "/nowhere")
            .await
            .ends_with("the service's own")
    );
    let page = get(address, "/metrics").await;
    let all = metric(&page, "plimsoll_requests_total", &["http_request_method"]);
    assert!((all - 1.0).abs() < f64::EPSILON, "{page}");
    let told = lines.requests(1).await;
    assert_eq!((told.len(), &told[0]["path"]), (1, &"/nowhere".into()));
}

#[tokio::test]
async fn the_metrics_page_tells_of_probes_hearts_and_the_drain() {
    let cache = Check::new("cache", async || Err::<(), _>("away")).optional();
    let (plimsoll, _) = instance(|builder| builder.readiness(cache));
    let migrations = plimsoll.startup("migrations");
    let running = plimsoll.health().start().unwrap();
    let page = async || plimsoll.telemetry().render();
    let is = |page: &str, name: &str, labels: &[&str], value: f64| {
        let found = metric(page, name, labels);
        assert!(
            (found - value).abs() < f64::EPSILON,
            "{name} {labels:?}: {page}"
        );
    };
    let failing = plimsoll_testkit::wait::until_told("the failure", async || {
        let page = page().await;
        page.contains("plimsoll_health_check_status{check=\"cache\",effect=\"none\"} 0\n")
            .then_some(page)
    });
    let failing = failing.await;
    is(&failing, "plimsoll_health_probe", &["livez"], 1.0);
    is(&failing, "plimsoll_health_probe", &["readyz"], 0.0);
    is(&failing, "plimsoll_health_probe", &["startupz"], 0.0);
    is(&failing, "plimsoll_health_startup_pending", &[], 1.0);
    is(
        &failing,
        "plimsoll_health_check_status",
        &["runtime", "liveness"],
        1.0,
    );
    is(
        &failing,
        "plimsoll_health_check_status",
        &["workers", "liveness"],
        1.0,
    );
    is(&failing, "plimsoll_draining", &[], 0.0);
    migrations.open();
    is(&page().await, "plimsoll_health_probe", &["readyz"], 1.0);
    let _held = plimsoll.drain().enter();
    plimsoll.drain().begin(Duration::from_secs(9));
    let draining = page().await;
    is(&draining, "plimsoll_draining", &[], 1.0);
    is(&draining, "plimsoll_drain_in_flight", &[], 1.0);
    is(&draining, "plimsoll_health_probe", &["readyz"], 0.0);
    drop(running);
}

fn pod() -> Vec<(String, String)> {
    vec![("KUBERNETES_SERVICE_HOST".into(), "10.96.0.1".into())]
}

fn pod_v6() -> Vec<(String, String)> {
    vec![("KUBERNETES_SERVICE_HOST".into(), "fd00::1".into())]
}

fn pod_and_setting() -> Vec<(String, String)> {
    let mut env = pod();
    env.push(("PLIMSOLL_STATUS".into(), "127.0.0.1:9".into()));
    env
}

#[test]
fn under_kubernetes_probes_are_where_kubelet_can_ask_unless_somebody_names_an_address() {
    let named = SocketAddr::from(([127, 0, 0, 1], 7));
    let builder = || Plimsoll::builder("facade-test");
    for (builder, status) in [
        (builder().env(Vec::new), "127.0.0.1:0"),
        (builder().env(pod), "0.0.0.0:8081"),
        (builder().env(pod_v6), "[::]:8081"),
        (builder().env(pod_and_setting), "127.0.0.1:9"),
        (builder().env(pod).status(named), "127.0.0.1:7"),
        (builder().env(pod).status(None), "off"),
    ] {
        let (all, faults) = builder.effective();
        let row = all.iter().find(|row| row.key == "status").unwrap();
        assert_eq!(row.value, status);
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[test]
fn an_operators_grace_holds_and_the_steps_are_cut_to_it() {
    let env = || vec![("PLIMSOLL_GRACE".to_owned(), "12s".to_owned())];
    let (plimsoll, _) = instance(|builder| builder.env(env));
    let warnings = plimsoll.telemetry().warnings();
    let told = format!("{warnings:?}");
    let used = "used: wait 5s, drain 3s, flush 3s of a grace of 12s";
    assert!(told.contains(used), "{told}");
}

#[tokio::test]
async fn outgoing_calls_tell_how_they_went() {
    let (plimsoll, _) = instance(|builder| builder);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let client = plimsoll
        .client()
        .feeds(move |good, _| ear.lock().unwrap().push(good));
    for code in [200_u16, 404, 503] {
        let inner = service_fn(move |_: Request<String>| {
            let mut answer = Response::new(String::new());
            *answer.status_mut() = code.try_into().unwrap();
            std::future::ready(Ok::<_, std::io::Error>(answer))
        });
        let request = Request::get("http://bank/").body(String::new()).unwrap();
        client.layer(inner).oneshot(request).await.unwrap();
    }
    assert_eq!(*heard.lock().unwrap(), [true, true, false]);
}
