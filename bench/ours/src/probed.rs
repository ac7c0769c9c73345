//! What a probe costs: a layer that asks one beside each request.

use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;

use plimsoll_health::{Check, Health};
use tower_layer::Layer;
use tower_service::Service;

use crate::Fault;

/// As many checks as a service with many dependencies has.
const CHECKS: usize = 8;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// Whether the service is ready.
    Decision,
    /// The whole answer to `/readyz`, in text.
    Text,
}

/// Asks beside each request.
#[derive(Debug, Clone)]
pub struct ProbedLayer {
    health: Health,
    asked: Asked,
}

impl ProbedLayer {
    /// Of a service whose checks have all passed.
    ///
    /// # Errors
    ///
    /// When they cannot be run.
    pub fn new(asked: Asked) -> Result<Self, Fault> {
        // Their evidence is as old as the run, and stays good.
        let check = |number| {
            let check = Check::new(format!("check-{number}"), async || Ok::<(), String>(()));
            check.max_age(Duration::from_hours(1))
        };
        let mut health = Health::builder();
        for number in 0..CHECKS {
            health = health.readiness(check(number));
        }
        let health = health.build()?;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build()?.block_on(async {
            let running = health.start()?;
            while !health.is_ready() {
                tokio::task::yield_now().await;
            }
            drop(running);
            Ok::<_, Fault>(())
        })?;
        Ok(Self { health, asked })
    }
}

impl<S> Layer<S> for ProbedLayer {
    type Service = Probed<S>;

    fn layer(&self, inner: S) -> Probed<S> {
        let Self { health, asked } = self.clone();
        Probed {
            inner,
            health,
            asked,
        }
    }
}

/// The service of [`ProbedLayer`].
#[derive(Debug, Clone)]
pub struct Probed<S> {
    inner: S,
    health: Health,
    asked: Asked,
}

impl<S: Service<R>, R> Service<R> for Probed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        match self.asked {
            Asked::Decision => drop(black_box(black_box(&self.health).is_ready())),
            Asked::Text => drop(black_box(self.health.answer(
                black_box("/readyz"),
                None,
                false,
            ))),
        }
        self.inner.call(request)
    }
}
