//! The real binary as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Service {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
    status: Option<ExitStatus>,
    _folder: tempfile::TempDir,
}

impl Service {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("cards.db");
        let mut child = Command::new(env!("CARGO_BIN_EXE_card-service"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--status",
                "127.0.0.1:0",
            ])
            .args([
                "--control",
                "127.0.0.1:0",
                "--accounts",
                "200",
                "--allow-faults",
            ])
            .arg("--database-url")
            .arg(format!("sqlite://{}", database.display()))
            .envs(settings.iter().copied())
            .env("PLIMSOLL_LOG", "info")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.contains("\"target\":\"plimsoll\"") && sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            status: None,
            _folder: folder,
        }
    }

    /// Where a listener was announced.
    pub(crate) fn address(&mut self, listener: &str) -> SocketAddr {
        let known = self.seen.iter().find(|line| line["listener"] == listener);
        if let Some(line) = known {
            return line["address"].as_str().unwrap().parse().unwrap();
        }
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1)).unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            let found = line["listener"] == listener;
            let address = line["address"].as_str().and_then(|text| text.parse().ok());
            self.seen.push(line);
            if found {
                return address.unwrap();
            }
        }
    }

    /// Waits for a line about the service's life.
    pub(crate) fn wait_for(&mut self, message: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1)).unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            let found = line["message"] == message;
            self.seen.push(line);
            if found {
                return;
            }
        }
    }

    pub(crate) fn terminate(&self) {
        let kill = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn wait(&mut self) {
        self.status = Some(self.child.wait().unwrap());
        let rest = self
            .lines
            .iter()
            .map(|line| serde_json::from_str(&line).unwrap());
        self.seen.extend(rest);
    }

    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// The report of the closing line.
    pub(crate) fn ledger(&self) -> &Value {
        let line = self.seen.iter().find(|line| line["message"] == "ledger");
        &line.unwrap()["report"]
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
