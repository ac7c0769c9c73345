//! goose's scenarios under our clock.
//!
//! An arrival is a visitor. It picks a scenario by weight and goes through it once:
//! the transactions set `on_start`; then those with a sequence number, in its order;
//! then one of those without; then those set `on_stop`. Where several share a place
//! (the same sequence number, or none), one is drawn by weight. Session data lives
//! as long as the visit.
//!
//! What goose's own runs have and this has not: wait times between transactions,
//! throttle, cookies (visitors share one pool of connections), followed redirects
//! (one request here is one request at the service), and its own reports.

mod client;
mod main;
mod order;
mod visitor;

use std::sync::Arc;

use goose::config::GooseConfiguration;
use goose::goose::Scenario;

pub use client::connections;
pub use main::main;

use crate::engine::{Executor, JourneyError, Visit};
use crate::gate::LoadError;
use crate::plan::Plan;
use crate::tape::Tape;

/// Sends visitors through scenarios.
pub struct GooseExecutor {
    scenarios: Vec<Scenario>,
    base: reqwest::Url,
    client: reqwest::Client,
    configuration: GooseConfiguration,
}

impl GooseExecutor {
    /// Visitors of `url`.
    ///
    /// # Errors
    /// The address is none, or no scenario can be chosen.
    pub fn new(scenarios: Vec<Scenario>, url: &str, plan: &Plan) -> Result<Self, LoadError> {
        let fault = |why: String| LoadError::Scenario(why);
        if scenarios.iter().all(|scenario| scenario.weight == 0) {
            return Err(fault(
                "no scenario was given; register at least one".to_owned(),
            ));
        }
        if let Some(empty) = scenarios
            .iter()
            .find(|scenario| scenario.transactions.is_empty())
        {
            let name = &empty.name;
            return Err(fault(format!(
                "scenario `{name}` has no transaction; register one"
            )));
        }
        let base = url
            .parse()
            .map_err(|_| crate::http_get::AddressError(url.to_owned()))?;
        let client = connections(plan.timeout).map_err(|error| fault(error.to_string()))?;
        let configuration = GooseConfiguration::parse_args_default::<&str>(&[])
            .map_err(|error| fault(error.to_string()))?;
        Ok(Self {
            scenarios,
            base,
            client,
            configuration,
        })
    }
}

impl Executor for GooseExecutor {
    async fn journey(&self, visit: Visit, tape: &mut Tape) -> Result<(), JourneyError> {
        let mut rng = visit.rng();
        let weights = self.scenarios.iter().map(|scenario| scenario.weight);
        let Some(chosen) = order::draw(weights, &mut rng) else {
            return Err(JourneyError("no scenario can be chosen".to_owned()));
        };
        let scenario = &self.scenarios[chosen];
        let mut visitor = visitor::Visitor::new(self, scenario, visit)?;
        for transaction in order::pass(&scenario.transactions, &mut rng) {
            visitor
                .go(&scenario.transactions[transaction], tape)
                .await?;
        }
        Ok(())
    }
}

/// The visit a transaction belongs to: its number and the seed of its choices.
///
/// `None` outside this executor, or once the scenario has set session data of its own.
///
/// ```no_run
/// use plimsoll_loadtest::executor::visit;
/// use plimsoll_loadtest::goose::prelude::*;
///
/// async fn card(user: &mut GooseUser) -> TransactionResult {
///     let mut rng = visit(user).map_or_else(fastrand::Rng::new, |visit| visit.rng());
///     let card = format!("/v1/cards/crd_{:07}", rng.u32(1..=30_000));
///     user.get_named(&card, "/v1/cards/{id}").await?;
///     Ok(())
/// }
/// ```
pub fn visit(user: &goose::goose::GooseUser) -> Option<Visit> {
    user.get_session_data::<Visit>().copied()
}

impl std::fmt::Debug for GooseExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&Arc<str>> = self
            .scenarios
            .iter()
            .map(|scenario| &scenario.name)
            .collect();
        f.debug_struct("GooseExecutor")
            .field("scenarios", &names)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
