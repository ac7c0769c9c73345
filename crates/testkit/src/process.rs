//! A service as a process of its own, known by its JSON log.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::wait::{PATIENCE, until};

/// A child that is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Arc<Mutex<Child>>,
    said: Arc<Mutex<Said>>,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<Value>,
    errors: String,
    ended: bool,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Lines of its standard output that were JSON.
    pub lines: Vec<Value>,
    /// Its standard error.
    pub errors: String,
}

impl Ended {
    /// The report of the closing line.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn ledger(&self) -> &Value {
        let line = self.lines.iter().find(|line| line["message"] == "ledger");
        &line.unwrap()["report"]
    }
}

impl Process {
    /// Starts a command; its output is read from now on.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::<Mutex<Said>>::default();
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(output.unwrap())
                .lines()
                .map_while(Result::ok)
            {
                if let Ok(line) = serde_json::from_str(&line) {
                    lock(&heard).lines.push(line);
                }
            }
            lock(&heard).ended = true;
        });
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut errors = errors.unwrap();
            let mut piece = [0; 4_096];
            while let Ok(count @ 1..) = errors.read(&mut piece) {
                let text = String::from_utf8_lossy(&piece[..count]);
                lock(&heard).errors.push_str(&text);
            }
        });
        Self {
            child: Arc::new(Mutex::new(child)),
            said,
        }
    }

    /// Lines of standard output so far that are JSON.
    pub fn lines(&self) -> Vec<Value> {
        lock(&self.said).lines.clone()
    }

    /// Waits for a line.
    ///
    /// # Panics
    ///
    /// When it does not come in time or the process ends before.
    pub async fn line(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, || {
            let said = lock(&self.said);
            let found = said.lines.iter().find(|line| wanted(line)).cloned();
            assert!(
                found.is_some() || !said.ended,
                "ended without {what}: {}",
                said.errors
            );
            found
        })
        .await
    }

    /// Where a listener (`service`, `status`, `control`) was announced.
    ///
    /// # Panics
    ///
    /// When it is not in time.
    pub async fn address(&self, listener: &str) -> SocketAddr {
        let line = self
            .line(listener, |line| {
                line["message"] == "listening" && line["listener"] == listener
            })
            .await;
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Bytes of memory it has resident, as Linux tells.
    ///
    /// # Panics
    ///
    /// When it is over, or on another system.
    pub fn resident_bytes(&self) -> u64 {
        let pid = self.id();
        let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
        let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
        pages * rustix::param::page_size() as u64
    }

    /// Sends a signal.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&lock(&self.child));
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// When it does not come in time.
    pub async fn ended(self) -> Ended {
        let child = Arc::clone(&self.child);
        let status = until("the end of the process", || {
            lock(&child).try_wait().unwrap()
        })
        .await;
        let said = Arc::clone(&self.said);
        until("the last line", || lock(&said).ended.then_some(())).await;
        let mut said = lock(&self.said);
        Ended {
            status,
            lines: std::mem::take(&mut said.lines),
            errors: std::mem::take(&mut said.errors),
        }
    }
}

/// This test program once more, for one of its ignored tests alone: a service that
/// the others start.
///
/// # Panics
///
/// When the system does not tell where the program is.
pub fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        // With one thread, as on one core, the first line would begin with its name.
        .arg("--test-threads=2")
        // No file of the working directory is meant.
        .current_dir(std::env::temp_dir());
    command
}

/// Runs a command to its end.
///
/// # Panics
///
/// When it does not end in time.
pub async fn run(mut command: Command) -> std::process::Output {
    command.stdin(Stdio::null());
    let output = spawn_blocking(move || command.output());
    let output = timeout(PATIENCE, output).await.unwrap();
    output.unwrap().unwrap()
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
