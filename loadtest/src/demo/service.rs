//! The card service as a process of its own.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time;

use super::ledger::Ledger;

/// Seeding the database takes a few seconds.
const READY: Duration = Duration::from_secs(40);
/// After SIGTERM: a second's notice, then the drain.
const END: Duration = Duration::from_secs(20);

/// What the log has told so far.
#[derive(Debug, Clone, Default)]
struct Told {
    service: Option<String>,
    status: Option<String>,
    control: Option<String>,
    ledger: Option<Ledger>,
    last: String,
    closed: bool,
}

/// Where it listens, as `http://` addresses.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    pub(super) service: String,
    pub(super) status: String,
    pub(super) control: String,
}

/// Killed when dropped; its database goes with it.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    told: watch::Receiver<Told>,
    _folder: TempDir,
}

impl Service {
    /// Starts it on free ports and waits until it listens.
    pub(super) async fn start(binary: &Path) -> Result<(Self, Addresses), String> {
        if !binary.is_file() {
            let binary = binary.display();
            return Err(format!(
                "{binary} is not there; build it with `cargo build -p card-service`, or use `make demo`"
            ));
        }
        let folder =
            tempfile::tempdir().map_err(|error| format!("no folder for the database: {error}"))?;
        let database = format!("sqlite://{}", folder.path().join("cards.db").display());
        let free = "127.0.0.1:0";
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--listen",
                free,
                "--status",
                free,
                "--control",
                free,
            ])
            .args(["--database-url", &database, "--allow-faults"])
            // A second for the generator to see that it is leaving.
            .env("PLIMSOLL_WAIT", "1s")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let log = child
            .stdout
            .take()
            .ok_or("the service has no standard output")?;
        let told = listen_to(log);
        let mut service = Self {
            child,
            told,
            _folder: folder,
        };
        let addresses = service.addresses().await?;
        Ok((service, addresses))
    }

    async fn addresses(&mut self) -> Result<Addresses, String> {
        let all = |told: &Told| {
            told.closed
                || (told.service.is_some() && told.status.is_some() && told.control.is_some())
        };
        let told = match time::timeout(READY, self.told.wait_for(all)).await {
            Ok(Ok(told)) => told.clone(),
            _ => {
                return Err(format!(
                    "the service did not listen within {} s",
                    READY.as_secs()
                ));
            }
        };
        match (told.service, told.status, told.control) {
            (Some(service), Some(status), Some(control)) => {
                let http = |address: String| format!("http://{address}");
                Ok(Addresses {
                    service: http(service),
                    status: http(status),
                    control: http(control),
                })
            }
            _ => Err(format!(
                "the service ended instead of listening; its last line: {}",
                told.last
            )),
        }
    }

    /// Asks it to leave.
    pub(super) fn terminate(&self) -> Result<(), String> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id
            .and_then(rustix::process::Pid::from_raw)
            .ok_or("the service has ended already")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .map_err(|error| format!("SIGTERM could not be sent: {error}"))
    }

    /// Waits for its end; its exit status and its ledger.
    pub(super) async fn ended(&mut self) -> Result<(ExitStatus, Option<Ledger>), String> {
        let status = match time::timeout(END, self.child.wait()).await {
            Ok(status) => status.map_err(|error: io::Error| error.to_string())?,
            Err(_) => {
                return Err(format!(
                    "the service did not end within {} s",
                    END.as_secs()
                ));
            }
        };
        let told = self.told.wait_for(|told| told.closed);
        let told = time::timeout(END, told)
            .await
            .map_err(|_| "the service's log did not end")?;
        let told = told.map_err(|_| "the service's log was not read to its end")?;
        Ok((status, told.ledger.clone()))
    }
}

/// Reads the log to its end, so that the service never waits for us.
fn listen_to(log: impl tokio::io::AsyncRead + Unpin + Send + 'static) -> watch::Receiver<Told> {
    let (sender, told) = watch::channel(Told::default());
    tokio::spawn(async move {
        let mut lines = BufReader::new(log).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // Most lines are of requests; only the others are worth waking for.
            sender.send_if_modified(|told| told.hear(line));
        }
        sender.send_modify(|told| told.closed = true);
    });
    told
}

impl Told {
    fn hear(&mut self, line: String) -> bool {
        #[derive(Deserialize)]
        struct Listening {
            message: String,
            listener: String,
            address: String,
        }
        let mut news = false;
        if line.contains("\"listening\"") {
            if let Ok(Listening {
                message,
                listener,
                address,
            }) = serde_json::from_str(&line)
                && message == "listening"
            {
                news = true;
                match listener.as_str() {
                    "service" => self.service = Some(address),
                    "status" => self.status = Some(address),
                    "control" => self.control = Some(address),
                    _ => news = false,
                }
            }
        } else if line.contains("\"ledger\"") {
            self.ledger = Ledger::read(&line);
            news = true;
        }
        self.last = line;
        news
    }
}
