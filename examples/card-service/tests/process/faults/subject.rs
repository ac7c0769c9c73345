//! The service under a fault: its probes, and one request of each kind.

use std::cell::RefCell;
use std::time::Duration;

use plimsoll_testkit::http::{ask, get};
use plimsoll_testkit::probes::{Probes, Say, Table};
use serde_json::{Value, json};

use crate::service::Service;

/// Two runs of the check in a row that fail, each 2 s (and a tenth) after the one
/// before and 1 s long; twice that on a loaded machine.
pub(super) const SOON: Duration = Duration::from_millis(2 * 2 * 3_200);

const CARD: &str = "crd_0000001";
const ACCOUNT: &str = "acc_0000001";

/// Both kinds of requests are served.
pub(super) const SERVED: (u16, u16) = (200, 201);

pub(super) struct Subject {
    pub(super) service: Service,
    pub(super) probes: Probes,
    currency: Value,
    table: RefCell<Table>,
}

impl Subject {
    /// One that is well.
    pub(super) async fn start(more: &[&str], settings: &[(&str, &str)]) -> Self {
        let settings = [&[("PLIMSOLL_WAIT", "0s")], settings].concat();
        let service = Service::with(more, &settings);
        let probes = Probes::of(&service.process, "database").await;
        let mut subject = Self {
            service,
            probes,
            currency: Value::Null,
            table: RefCell::default(),
        };
        subject.currency = subject.account().await["currency"].clone();
        assert_eq!(subject.requests().await, SERVED);
        subject
    }

    /// What has been spent, in minor units.
    pub(super) async fn spent(&self) -> i64 {
        self.account().await["spent_minor"].as_i64().unwrap()
    }

    async fn account(&self) -> Value {
        let overview = format!("/v1/accounts/{ACCOUNT}/overview");
        let overview = get(self.probes.service, &overview).await;
        let overview: Value = serde_json::from_slice(overview.body()).unwrap();
        overview["account"].clone()
    }

    /// How a read is answered.
    pub(super) async fn read(&self) -> u16 {
        let answer = get(self.probes.service, &format!("/v1/cards/{CARD}")).await;
        answer.status().as_u16()
    }

    /// How a spend is answered, which writes.
    pub(super) async fn spend(&self) -> u16 {
        let spend = json!({
            "card_id": CARD, "amount_minor": 1, "currency": self.currency, "merchant": "Kiosk",
        });
        let request = http::Request::post("/v1/transactions")
            .header("content-type", "application/json")
            .body(spend.to_string());
        let answer = ask(self.probes.service, request.unwrap()).await;
        answer.status().as_u16()
    }

    /// How one of each is answered.
    pub(super) async fn requests(&self) -> (u16, u16) {
        (self.read().await, self.spend().await)
    }

    /// Switches faults, `{}` for none.
    pub(super) async fn switch(&self, faults: &Value) {
        let request = if *faults == json!({}) {
            http::Request::delete("/faults").body(String::new())
        } else {
            http::Request::put("/faults")
                .header("content-type", "application/json")
                .body(faults.to_string())
        };
        let answer = ask(self.probes.control, request.unwrap()).await;
        assert_eq!(answer.status(), 200, "{faults}");
    }

    /// A row of the table, and that all is well again.
    pub(super) async fn row(
        &self,
        fault: &str,
        said: Say,
        (read, spend): (u16, u16),
        (on, off): (Duration, Duration),
    ) {
        assert!(on < SOON && off < SOON, "{fault}: {on:?} {off:?}");
        assert_eq!(self.requests().await, SERVED, "after {fault}");
        self.probes.come_back().await;
        let fault = format!("{fault}: read {read} spend {spend}");
        self.table.borrow_mut().row(&fault, said, on, off);
    }
}
