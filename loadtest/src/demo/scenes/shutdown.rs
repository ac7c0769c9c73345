//! SIGTERM under load: nothing is lost, and the ledger balances.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time;

use crate::demo::ledger::Ledger;
use crate::demo::service::Service;
use crate::demo::stage::{Scene, Stage, heading, tell};
use crate::engine::drive;
use crate::pacer::Pacer;
use crate::progress::Progress;
use crate::report::Chapter;
use crate::sample::Answer;
use crate::stop::Stop;
use crate::tape::Recorder;

/// Load before the signal.
const BEFORE: Duration = Duration::from_secs(4);
/// Between two probes of a load balancer, so that visitors go on coming for a
/// while after the signal; well within the second that the service waits.
const PROBE: Duration = Duration::from_millis(400);
/// The service says that it leaves within this.
const NOTICE: Duration = Duration::from_secs(5);
/// Longer than both.
const LENGTH: Duration = Duration::from_secs(20);

pub(in crate::demo) async fn shutdown(
    stage: &mut Stage,
    service: &mut Service,
) -> Result<Scene, String> {
    heading("5. Shutdown: SIGTERM under load; visitors stop coming when /readyz says so");
    let plan = Stage::plan(4, LENGTH)?;
    let (executor, recorder, stop) = (
        stage.journeys(&plan)?,
        Recorder::new(plan.length),
        Stop::default(),
    );
    let pacer = Pacer::precise().map_err(|error| error.to_string())?;
    let began = stage.elapsed();
    let shown = Progress::start(recorder.clone(), BEFORE);
    let run = drive(executor, &plan, &recorder, &stop, pacer);
    let leave = async {
        time::sleep(BEFORE).await;
        service.terminate()?;
        let before = recorder.stats().overall().requests();
        let told = time::timeout(NOTICE, unready(stage)).await;
        stop.stop();
        match told {
            Ok(()) => Ok(before),
            Err(_) => Err(format!(
                "/readyz did not say so within {} s",
                NOTICE.as_secs()
            )),
        }
    };
    let (driven, told) = tokio::join!(run, leave);
    drop(shown);
    driven.map_err(|error| error.to_string())?;
    stage.mark(began + BEFORE, "SIGTERM");
    let seen = recorder.stats().clone();
    stage.remember(&seen, began);
    let (status, ledger) = service.ended().await?;

    let before = told?;
    let total = seen.overall();
    let count = |is_one: &dyn Fn(Answer) -> bool| -> u64 {
        total
            .answers
            .iter()
            .filter(|(answer, _)| is_one(**answer))
            .map(|(_, count)| count)
            .sum()
    };
    let end = End {
        requests: total.requests(),
        after_signal: total.requests() - before,
        answered: total.answered(),
        lost: count(&Answer::is_lost),
        refused: count(&|answer| answer == Answer::Refused),
        all_answered: stage.answered(),
        exit_code: status.code(),
        ledger,
    };
    end.tell();
    let outcome = end.judge();
    Ok(Scene {
        name: "it leaves without losing a request",
        outcome,
        chapter: end.chapter(),
    })
}

/// Waits until the service says that it is not ready.
async fn unready(stage: &Stage) {
    let ready = stage.ready();
    loop {
        time::sleep(PROBE).await;
        let answer = stage.control.send(Method::GET, &ready, "").await;
        if matches!(answer, Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_)) {
            return;
        }
    }
}

/// What both sides say in the end.
#[derive(Debug)]
struct End {
    requests: u64,
    after_signal: u64,
    answered: u64,
    lost: u64,
    refused: u64,
    all_answered: u64,
    exit_code: Option<i32>,
    ledger: Option<Ledger>,
}

impl End {
    fn judge(&self) -> Result<(), String> {
        if self.after_signal == 0 {
            return Err("no request was on its way after the signal".to_owned());
        }
        if self.lost > 0 {
            return Err(format!("{} requests were lost", self.lost));
        }
        let Some(ledger) = &self.ledger else {
            return Err("the service wrote no ledger".to_owned());
        };
        if let Some(fault) = ledger.fault(self.all_answered) {
            return Err(fault);
        }
        match self.exit_code {
            Some(0) => Ok(()),
            Some(code) => Err(format!("the service ended with exit code {code}")),
            None => Err("the service was killed by a signal".to_owned()),
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let code = self
            .exit_code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        let of = |of: fn(&Ledger) -> u64| {
            self.ledger
                .as_ref()
                .map_or_else(|| "not told".to_owned(), |ledger| of(ledger).to_string())
        };
        vec![
            ("requests of this chapter", self.requests.to_string()),
            ("of them ended after SIGTERM", self.after_signal.to_string()),
            ("of them answered", self.answered.to_string()),
            ("of them lost", self.lost.to_string()),
            ("of them without a connection", self.refused.to_string()),
            (
                "answered in the whole story, by the client",
                self.all_answered.to_string(),
            ),
            (
                "started in the whole story, by the service",
                of(Ledger::started),
            ),
            ("ended, summed over their outcomes", of(Ledger::ended)),
            ("exit code of the service", code),
        ]
    }

    fn tell(&self) {
        for (name, value) in self.rows() {
            tell(&format!("   {name:44} {value:>8}"));
        }
    }

    fn chapter(&self) -> Chapter {
        let rows = self
            .rows()
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value]);
        let rows: Vec<Vec<String>> = rows.collect();
        Chapter::new("Shutdown")
            .prose(
                "SIGTERM under load. A request is lost if it was written on an open connection before the \
                 listener closed and got no complete answer.",
            )
            .table("Client and ledger", &["", "count"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end() -> End {
        let ledger = r#"{"message":"ledger","report":{"balances":true,"requests":{"started":9,"success":9}}}"#;
        End {
            requests: 4,
            after_signal: 2,
            answered: 4,
            lost: 0,
            refused: 0,
            all_answered: 9,
            exit_code: Some(0),
            ledger: Ledger::read(ledger),
        }
    }

    #[test]
    fn only_an_end_without_any_loss_is_as_it_should() {
        assert_eq!(end().judge(), Ok(()));
        let others = [
            End { lost: 1, ..end() },
            End {
                after_signal: 0,
                ..end()
            },
            End {
                all_answered: 8,
                ..end()
            },
            End {
                exit_code: Some(1),
                ..end()
            },
            End {
                exit_code: None,
                ..end()
            },
            End {
                ledger: None,
                ..end()
            },
        ];
        for other in others {
            assert!(other.judge().is_err(), "{other:?}");
        }
    }
}
