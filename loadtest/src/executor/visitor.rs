//! One visitor: a goose user whose requests we overhear.
//!
//! goose hands each request to its request log as soon as the head is there, and
//! what a transaction decides afterwards (`set_success`, `set_failure`) only to
//! the channel of its metrics. The visitor holds the other end of both.

use std::sync::Arc;
use std::time::Duration;

use goose::goose::{GooseUser, Scenario, Transaction};
use goose::logger::GooseLog;
use goose::metrics::{GooseMetric, GooseRequestMetric};
use tokio::time::Instant;

use super::GooseExecutor;
use crate::engine::{JourneyError, Visit};
use crate::sample::{Answer, Endpoint};
use crate::tape::{Finished, Tape};

pub(super) struct Visitor {
    user: Box<GooseUser>,
    log: flume::Receiver<Option<GooseLog>>,
    metrics: flume::Receiver<GooseMetric>,
}

impl Visitor {
    pub(super) fn new(
        executor: &GooseExecutor,
        scenario: &Scenario,
        visit: Visit,
    ) -> Result<Self, JourneyError> {
        let name = Arc::clone(&scenario.name);
        let (base, client) = (executor.base.clone(), executor.client.clone());
        let user = GooseUser::new(0, name, base, &executor.configuration, 0, Some(client));
        let mut user = user.map_err(|error| JourneyError(error.to_string()))?;
        // A visitor makes few requests, so the channels need no bound.
        let (log_sender, log) = flume::unbounded();
        let (metrics_sender, metrics) = flume::unbounded();
        // No file is written: the log goes to whoever holds the channel.
        user.config.request_log = Some("tape".to_owned());
        user.logger = Some(log_sender);
        user.metrics_channel = Some(metrics_sender);
        user.is_throttled = false;
        user.set_session_data(visit);
        let user = Box::new(user);
        Ok(Self { user, log, metrics })
    }

    /// Goes through one transaction; its requests are on the tape afterwards.
    pub(super) async fn go(
        &mut self,
        transaction: &Transaction,
        tape: &mut Tape,
    ) -> Result<(), JourneyError> {
        let Self { user, log, metrics } = self;
        tape.sending(Endpoint::unknown());
        let mut running = (transaction.function)(user);
        let ended = loop {
            tokio::select! {
                biased;
                heard = log.recv_async() => {
                    if let Ok(Some(GooseLog::Request(request))) = heard {
                        put_down(&request, tape);
                        // There may be another one after it.
                        tape.sending(Endpoint::unknown());
                    }
                }
                ended = &mut running => break ended,
            }
        };
        drop(running);
        for heard in log.drain().flatten() {
            if let GooseLog::Request(request) = heard {
                put_down(&request, tape);
            }
        }
        tape.idle();
        for heard in metrics.drain() {
            if let GooseMetric::Request(request) = heard
                && request.update
            {
                tape.expected(&endpoint(&request), request.success);
            }
        }
        tape.commit();
        ended.map_err(|error| JourneyError(error.to_string()))
    }
}

fn endpoint(request: &GooseRequestMetric) -> Endpoint {
    Endpoint::new(request.raw.method_label(), Arc::clone(&request.name))
}

/// goose tells of a request the moment its head is there.
fn put_down(request: &GooseRequestMetric, tape: &mut Tape) {
    let done = Instant::now();
    let took = Duration::from_micros(request.response_time_micros());
    let sent = done.checked_sub(took).unwrap_or(done);
    let (endpoint, answer) = (endpoint(request), answer(request));
    tape.finished(Finished {
        endpoint,
        sent,
        done,
        answer,
    });
}

fn answer(request: &GooseRequestMetric) -> Answer {
    match request.status_code {
        0 if request.error.contains("timed out") => Answer::Timeout,
        // How hyper's client words a connection it could not make.
        0 if request.error.contains("(Connect)") => Answer::Refused,
        0 => Answer::Transport,
        status => Answer::Status(status),
    }
}
