//! Five times what the service can do, from an open schedule: with shedding what is critical stays inside
//! its objective and the rest is refused at once; without, everybody waits and the objective breaks.

use std::net::SocketAddr;
use std::time::Duration;

use plimsoll_loadtest::schedule::{Arrivals, Rate, Schedule};
use plimsoll_testkit::http;
use plimsoll_testkit::page::Page;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::client::send;
use crate::service::Service;

/// What a use of the database takes. There are eight connections, an overview takes four of them at once
/// and a card one: 133 uses a second are all that the service has, on any machine.
const SLOW: &str = r#"{"database_slow_ms":60}"#;

/// Cards a second: 15 uses.
const CARDS: f64 = 15.0;

/// Overviews a second: 652 uses. With the cards five times what there is.
const OVERVIEWS: f64 = 163.0;

/// How long arrivals come.
const LASTS: Duration = Duration::from_secs(4);

/// The route's objective: 95 % of heads in this time (`slo/specs/card-service.yaml`).
const OBJECTIVE: &str = "0.25";
const TARGET: f64 = 0.95;

const CARD: &str = "/v1/cards/crd_0000001";
const OVERVIEW: &str = "/v1/accounts/acc_0000001/overview";

/// An answer: its status, and the time since the moment it was meant to be asked for.
type Seen = (u16, Duration);

/// Asks on the schedule's clock, whether or not answers come.
async fn arrive(address: SocketAddr, path: &'static str, rate: f64, seed: u64) -> Vec<Seen> {
    let rate = Rate::per_second(rate).unwrap();
    let begin = Instant::now();
    let mut asked = JoinSet::new();
    for offset in Schedule::new(Arrivals::Poisson, rate, LASTS, seed) {
        let intended = begin + offset;
        sleep_until(intended).await;
        asked.spawn(async move {
            let answer = http::get(address, path).await;
            (answer.status().as_u16(), intended.elapsed())
        });
    }
    asked.join_all().await
}

/// What was seen of cards and overviews, and the metrics page after it. Overviews are sheddable: two of
/// them at a time keep all connections busy, and a card waits for one use at most.
async fn overload(mode: &str) -> (Vec<Seen>, Vec<Seen>, Page) {
    let service = Service::start(&[
        ("PLIMSOLL_MODE", mode),
        ("PLIMSOLL_CONCURRENCY", "16"),
        ("PLIMSOLL_SHED_SHARES", "0.125,0.5,0.9"),
    ]);
    let address = service.address("service").await;
    let status = service.address("status").await;
    let control = service.address("control").await;
    send(control, "PUT", "/faults", SLOW).await;
    let (cards, overviews) = tokio::join!(
        arrive(address, CARD, CARDS, 1),
        arrive(address, OVERVIEW, OVERVIEWS, 2)
    );
    let page = http::get(status, "/metrics").await;
    let page = Page::read(std::str::from_utf8(page.body()).unwrap());
    (cards, overviews, page)
}

/// The share of card requests that the service itself counts as good and in time.
fn in_time(page: &Page) -> f64 {
    let route = ("http_route", "/v1/cards/{id}");
    let name = "plimsoll_time_to_head_seconds";
    let fast = page.sum(&format!("{name}_bucket"), &[route, ("le", OBJECTIVE)]);
    fast / page.sum(&format!("{name}_count"), &[route])
}

/// How many overviews Plimsoll refused, or would have.
fn shed_by_us(page: &Page, mode: &str) -> f64 {
    let labels = [("criticality", "sheddable"), ("mode", mode)];
    page.sum("plimsoll_shed_total", &labels)
}

fn percentile(seen: &[Seen], of: fn(u16) -> bool, share: f64) -> Duration {
    let mut times: Vec<_> = seen.iter().filter(|(status, _)| of(*status)).collect();
    times.sort_by_key(|(_, time)| *time);
    let at = (times.len() as f64 * share) as usize;
    times
        .get(at.min(times.len().saturating_sub(1)))
        .map_or(Duration::ZERO, |seen| seen.1)
}

fn count(seen: &[Seen], of: fn(u16) -> bool) -> usize {
    seen.iter().filter(|(status, _)| of(*status)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_five_times_capacity_shedding_keeps_cards_in_their_objective_and_its_absence_does_not() {
    let any = |_| true;
    let good = |status| status == 200;
    let shed = |status| status == 503;

    let (cards, overviews, page) = overload("enforce").await;
    let share = in_time(&page);
    let refused = percentile(&overviews, shed, 0.5);
    println!(
        "with shedding: cards {}/{} good, {:.1} % in time, p99 {:?}; overviews {} good, {} refused, p50 {refused:?}",
        count(&cards, good),
        cards.len(),
        share * 100.0,
        percentile(&cards, any, 0.99),
        count(&overviews, good),
        count(&overviews, shed),
    );
    assert_eq!(count(&cards, good), cards.len(), "no card is refused");
    assert!(share >= TARGET, "{share}");
    assert!(count(&overviews, shed) > overviews.len() / 2);
    assert_eq!(
        count(&overviews, good) + count(&overviews, shed),
        overviews.len()
    );
    assert!(refused < Duration::from_millis(100), "at once: {refused:?}");
    let ours = shed_by_us(&page, "enforce");
    assert!(
        (ours - count(&overviews, shed) as f64).abs() < 0.5,
        "{ours}"
    );

    let (cards, overviews, page) = overload("concurrency=observe").await;
    let share = in_time(&page);
    println!(
        "without: cards {}/{} good, {:.1} % in time, p50 {:?}, p99 {:?}; overviews {} good",
        count(&cards, good),
        cards.len(),
        share * 100.0,
        percentile(&cards, any, 0.5),
        percentile(&cards, any, 0.99),
        count(&overviews, good),
    );
    assert!(share < TARGET, "{share}");
    assert!(
        shed_by_us(&page, "enforce") < 0.5,
        "what failed, failed late"
    );
    assert!(
        shed_by_us(&page, "observe") > 0.5,
        "shedding would have begun"
    );
}
