//! A real Prometheus with storage for exemplars, installed by `make tools`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use plimsoll_testkit::http;
use plimsoll_testkit::wait::until;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Prometheus {
    /// Scrapes `target` every second.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: test\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        let data = folder.path().join("data");
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command.arg("--web.listen-address=127.0.0.1:0");
        command.arg("--enable-feature=exemplar-storage");
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("prometheus does not start ({error}): run `make tools`")
            });
        let said = Arc::<Mutex<Vec<String>>>::default();
        let (errors, kept) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let listening = || {
            let said = said.lock().unwrap();
            let mut told = said.iter().filter(|line| line.contains("\"Listening on\""));
            let address = told.next()?.split_once("address=")?.1;
            let ready = said.iter().any(|line| line.contains("Server is ready"));
            ready.then(|| address.trim().parse().unwrap())
        };
        let address = until("Prometheus", listening).await;
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    /// Asks its API; the query stands in the path, encoded.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = http::get(self.address, path).await;
        serde_json::from_slice(answer.body()).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
