//! Children: one stack, one process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Case;
use super::server::Server;
use super::sink::Sink;
use crate::Fault;
use crate::child::Done;

/// Where children come from and where their spans go.
#[derive(Debug)]
pub struct Bench {
    program: PathBuf,
    sink: Sink,
}

/// What a child did, and what arrived of it.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What it says.
    pub done: Done,
    /// Spans at the sink, those of the warm-up too.
    pub spans: u64,
}

/// How a child runs a case.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// A program and its arguments under which it runs.
    pub under: &'a [&'a str],
    /// Further arguments of its own.
    pub with: &'a [&'a str],
    /// Whether the queues are those of a service, which drop and count when they
    /// are full; else they take everything, so that everything is paid for.
    pub may_lose: bool,
}

/// Requests before those that are measured.
const WARM_UP: u64 = 1_000;

impl Bench {
    /// Children are this very program.
    ///
    /// # Errors
    ///
    /// When the program does not know its path, or the sink has no port.
    pub fn start() -> Result<Self, Fault> {
        Ok(Self {
            program: std::env::current_exe()?,
            sink: Sink::start()?,
        })
    }

    /// A child in an environment that says nothing about telemetry.
    fn command(&self, under: &[&str]) -> Command {
        let mut command = match under.split_first() {
            None => Command::new(&self.program),
            Some((tool, arguments)) => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(&self.program);
                command
            }
        };
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a case to its end.
    ///
    /// # Errors
    ///
    /// When the child fails, or loses a line or a span: what is lost costs too little.
    pub fn run(&self, case: &Case, requests: u64, how: How<'_>) -> Result<Ran, Fault> {
        let mailbox = self.sink.mailbox();
        let mut command = self.command(how.under);
        command
            .arg("run")
            .args(case.arguments())
            .args(["--otlp", &mailbox.endpoint()])
            .args(["--requests", &requests.to_string()])
            .args(["--warm-up", &WARM_UP.to_string()])
            .args(how.with);
        if !how.may_lose {
            let room = (2 * (requests + WARM_UP)).to_string();
            command.env("OTEL_BSP_MAX_QUEUE_SIZE", room);
            // Batches go when they are full, or at the last flush. By the clock they
            // would go fifty times as often under Valgrind, which is that much slower.
            command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000");
        }
        let done = Self::finish(&mut command, case)?;
        let spans = mailbox.spans();
        let kept = case.sampling >= 1.0 && case.is_traced();
        if !how.may_lose && (done.lost > 0 || (kept && spans < requests + WARM_UP)) {
            let lost = done.lost;
            return Err(format!(
                "{case}: {requests} requests, {spans} spans at the sink, {lost} lines or spans lost"
            )
            .into());
        }
        Ok(Ran { done, spans })
    }

    /// Starts a case as a service, in a process of its own.
    ///
    /// # Errors
    ///
    /// When the child does not start, or says no address.
    pub fn serve(&self, case: &Case, under: &[&str]) -> Result<Server, Fault> {
        let mailbox = self.sink.mailbox();
        let mut command = self.command(under);
        command
            .arg("serve")
            .args(case.arguments())
            .args(["--otlp", &mailbox.endpoint()]);
        Server::start(&mut command, case)
    }

    fn finish(command: &mut Command, case: &Case) -> Result<Done, Fault> {
        let output = command.output().map_err(|error| {
            let program = Path::new(command.get_program()).display();
            format!("{program} did not start: {error}; `make tools` installs what is needed")
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{case}: {}: {}", output.status, said.trim_end()).into());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().next_back().unwrap_or_default();
        serde_json::from_str(line)
            .map_err(|error| format!("{case}: {error} in what the child said: {line:?}").into())
    }
}
