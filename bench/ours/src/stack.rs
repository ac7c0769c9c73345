//! A service to be measured.

use std::fs::File;

use axum::Router;

use crate::Fault;
use crate::workload::Events;

/// A way to build a service round the handler.
#[derive(Debug, Clone, Copy)]
pub struct Stack {
    /// Its name on the command line.
    pub name: &'static str,
    /// What stands round the handler.
    pub what: &'static str,
    /// Builds it; takes the process's globals, so once a process.
    pub build: fn(&Setup) -> Result<Built, Fault>,
}

/// What a stack is built with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Share of requests whose spans are kept.
    pub sampling: f64,
    /// Full address of an OTLP traces endpoint.
    pub otlp: String,
    /// What the handler emits.
    pub events: Events,
}

/// Ends every signal and says how much of them was lost.
pub type Finish = Box<dyn FnOnce() -> Result<u64, Fault>>;

/// A service ready to be called.
pub struct Built {
    /// The service; `None` stands for nothing at all, not even axum.
    pub app: Option<Router>,
    /// Flushes every signal.
    pub finish: Finish,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl Built {
    /// A service without signals.
    pub fn silent(app: Router) -> Result<Self, Fault> {
        Self::new(app, || Ok(0))
    }

    /// A service whose signals end with `finish`.
    pub fn new(
        app: Router,
        finish: impl FnOnce() -> Result<u64, Fault> + 'static,
    ) -> Result<Self, Fault> {
        // As `axum::serve` does: without it, axum layers a route at each request.
        Ok(Self {
            app: Some(app.with_state(())),
            finish: Box::new(finish),
        })
    }
}

/// Where every stack writes its lines: real writes that go nowhere.
///
/// # Errors
///
/// Where there is no `/dev/null`.
pub fn log_output() -> Result<File, Fault> {
    Ok(File::options().write(true).open("/dev/null")?)
}

/// The stack of this name.
///
/// # Errors
///
/// When there is none; names those that are there.
pub fn find<'a>(stacks: &'a [Stack], name: &str) -> Result<&'a Stack, Fault> {
    let found = stacks.iter().find(|stack| stack.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = stacks.iter().map(|stack| stack.name).collect();
        format!("no stack {name:?}; there are {}", names.join(", ")).into()
    })
}
