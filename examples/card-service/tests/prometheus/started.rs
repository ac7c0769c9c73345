//! The service and Prometheus as processes of their own, on free ports of the
//! loopback, ended with the test.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::http;

const START: Duration = Duration::from_mins(1);

/// A process that is killed when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a stream, read to its end so that its writer never waits.
fn lines(of: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(of).lines().map_while(Result::ok) {
            // Nobody listens after the start.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The first thing that `find` finds in a line.
fn first<T>(lines: &Receiver<String>, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
    let mut said = String::new();
    loop {
        let Ok(line) = lines.recv_timeout(START) else {
            panic!("{what} did not come within {START:?}; it said:\n{said}");
        };
        if let Some(found) = find(&line) {
            return found;
        }
        said.push_str(&line);
        said.push('\n');
    }
}

pub(crate) struct Service {
    _process: Running,
    pub(crate) address: String,
    pub(crate) status: String,
    pub(crate) control: String,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these variables in its environment.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        let any = "127.0.0.1:0";
        let mut command = Command::new(env!("CARGO_BIN_EXE_card-service"));
        command.args(["serve", "--database-url", "sqlite::memory:"]);
        command.args(["--accounts", "50", "--allow-faults"]);
        command.args(["--listen", any, "--status", any, "--control", any]);
        // Of the panics asked for, only the messages.
        command.stdout(Stdio::piped()).env("RUST_BACKTRACE", "0");
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let said = lines(child.stdout.take().unwrap());
        let process = Running(child);
        // One line each, in any order.
        let mut listeners = BTreeMap::new();
        while listeners.len() < 3 {
            let (listener, address) = first(&said, "a listener", |line| {
                let line: Value = serde_json::from_str(line).ok()?;
                let text = |key: &str| line[key].as_str().map(str::to_owned);
                let told = text("listener").zip(text("address"));
                told.filter(|_| line["message"] == "listening")
            });
            listeners.insert(listener, address);
        }
        let mut address = |listener: &str| listeners.remove(listener).unwrap();
        Self {
            address: address("service"),
            status: address("status"),
            control: address("control"),
            _process: process,
        }
    }
}

pub(crate) struct Prometheus {
    _process: Running,
    address: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Scrapes `target` every second, keeps the exemplars and, if there are
    /// rules, evaluates them.
    pub(crate) fn start(target: &str, rules: Option<&Path>) -> Self {
        let folder = TempDir::new().unwrap();
        let rules = rules.map(|file| format!("'{}'", file.canonicalize().unwrap().display()));
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs:\n  - job_name: card-service\n    static_configs: [{{targets: ['{target}']}}]\n",
            rules.unwrap_or_default()
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        let data = folder.path().join("data");
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command.arg("--web.listen-address=127.0.0.1:0");
        command.arg("--enable-feature=exemplar-storage");
        command.stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("prometheus does not start ({error}): run `make tools`")
        });
        let said = lines(child.stderr.take().unwrap());
        let process = Running(child);
        let address = first(&said, "prometheus", |line| {
            let told = line.contains("\"Listening on\"");
            let address = line.split_once("address=").filter(|_| told)?.1;
            Some(address.trim().to_owned())
        });
        first(&said, "prometheus", |line| {
            line.contains("Server is ready").then_some(())
        });
        Self {
            address,
            _process: process,
            _folder: folder,
        }
    }

    pub(crate) fn query(&self, query: &str) -> Value {
        let answer = http::post_form(&self.address, "/api/v1/query", "query", query);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The exemplars of the last hour behind the series of a query.
    pub(crate) fn exemplars(&self, query: &str) -> Value {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let query = http::encoded(query);
        let times = format!("start={}&end={}", now - 3_600, now + 60);
        self.get(&format!("/api/v1/query_exemplars?query={query}&{times}"))
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = http::get(&self.address, path);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

/// What promtool has against a metrics page.
pub(crate) fn promtool_check_metrics(page: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("promtool does not start ({error}): run `make tools`"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}
