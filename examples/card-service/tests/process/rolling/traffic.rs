//! Constant load of reads and spends over a bounded number of connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response, header};
use plimsoll_testkit::http::Connection;
use plimsoll_testkit::wait::until;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

/// Requests a second, one in four a spend.
const RATE: u32 = 200;
const CONNECTIONS: u32 = 16;
/// Answers from one restart to the next.
const BETWEEN: u64 = 40;

/// What the clients saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    /// Each request without the answer that a service at rest gives.
    pub(super) failed: Vec<String>,
    /// The merchants of the spends that were answered 201.
    pub(super) accepted: Vec<String>,
    pub(super) slowest: Duration,
}

/// Requests until it is stopped.
pub(super) struct Traffic {
    stopped: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
    clients: JoinSet<Tally>,
}

impl Traffic {
    pub(super) fn start(address: SocketAddr, cards: Vec<(i64, String)>) -> Self {
        let (stopped, failed) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let answered = Arc::<AtomicU64>::default();
        let cards = Arc::new(cards);
        let begin = Instant::now();
        let clients = (0..CONNECTIONS).map(|number| {
            let client = Client {
                number,
                address,
                cards: Arc::clone(&cards),
                stopped: Arc::clone(&stopped),
                answered: Arc::clone(&answered),
                failed: Arc::clone(&failed),
            };
            client.run(begin + Duration::from_secs(1) * number / RATE)
        });
        let clients = clients.collect();
        Self {
            stopped,
            answered,
            failed,
            clients,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits for more answers.
    pub(super) async fn goes_on(&self) {
        let enough = self.answered.load(Ordering::Relaxed) + BETWEEN;
        until("answers", || {
            (self.answered.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    pub(super) async fn stop(self) -> Tally {
        self.stopped.store(true, Ordering::Relaxed);
        let tallies = self.clients.join_all().await.into_iter();
        tallies.fold(Tally::default(), |sum, one| Tally {
            sent: sum.sent + one.sent,
            failed: [sum.failed, one.failed].concat(),
            accepted: [sum.accepted, one.accepted].concat(),
            slowest: sum.slowest.max(one.slowest),
        })
    }
}

struct Client {
    number: u32,
    address: SocketAddr,
    cards: Arc<Vec<(i64, String)>>,
    stopped: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
}

impl Client {
    async fn run(self, begin: Instant) -> Tally {
        let mut tally = Tally::default();
        let mut connection = Connection::open(self.address).await;
        // By the schedule, however late the last answer came.
        let mut pace = interval_at(begin, Duration::from_secs(1) * CONNECTIONS / RATE);
        while !self.stopped.load(Ordering::Relaxed) {
            let due = pace.tick().await;
            tally.sent += 1;
            let at = tally.sent as usize * CONNECTIONS as usize + self.number as usize;
            let (card, currency) = &self.cards[at % self.cards.len()];
            let merchant = format!("rolling {at}");
            let spends = at.is_multiple_of(4);
            let request = if spends {
                spend(*card, currency, &merchant)
            } else {
                let path = format!("/v1/cards/crd_{card:07}");
                Request::get(path).body(String::new()).unwrap()
            };
            let answer = connection.try_ask(request).await;
            tally.slowest = tally.slowest.max(due.elapsed());
            let wanted = if spends { 201 } else { 200 };
            let stays = match answer {
                Ok(answer) if answer.status() == wanted => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    if spends {
                        tally.accepted.push(merchant);
                    }
                    stays(&answer)
                }
                Ok(answer) => {
                    tally.failed.push(format!("{at}: {answer:?}"));
                    stays(&answer)
                }
                Err(error) => {
                    tally.failed.push(format!("{at}: {error}"));
                    false
                }
            };
            if !tally.failed.is_empty() {
                self.failed.store(true, Ordering::Relaxed);
            }
            if !stays {
                connection = Connection::open(self.address).await;
            }
        }
        tally
    }
}

fn spend(card: i64, currency: &str, merchant: &str) -> Request<String> {
    let body = format!(
        r#"{{"card_id":"crd_{card:07}","amount_minor":1,"currency":"{currency}","merchant":"{merchant}"}}"#
    );
    let request =
        Request::post("/v1/transactions").header(header::CONTENT_TYPE, "application/json");
    request.body(body).unwrap()
}

fn stays<B>(answer: &Response<B>) -> bool {
    answer
        .headers()
        .get(header::CONNECTION)
        .is_none_or(|value| value != "close")
}
