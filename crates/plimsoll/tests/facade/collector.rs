//! A collector that is not ours: `rotel`, installed by `make tools`.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::support::until;

pub(crate) struct Collector {
    child: Child,
    /// Where it takes OTLP over HTTP.
    pub(crate) address: SocketAddr,
    /// Where it takes OTLP over gRPC.
    #[cfg(feature = "otlp-grpc")]
    pub(crate) grpc: SocketAddr,
    output: Arc<Mutex<String>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let (address, grpc) = (free_port(), free_port());
        let mut child = Command::new(binary())
            .args(["start", "--exporter", "blackhole", "--debug-log", "traces"])
            .args(["--debug-log-verbosity", "detailed"])
            .arg("--otlp-http-endpoint")
            .arg(address.to_string())
            .arg("--otlp-grpc-endpoint")
            .arg(grpc.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = Arc::<Mutex<String>>::default();
        let reader = BufReader::new(child.stdout.take().unwrap());
        let kept = Arc::clone(&output);
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let collector = Self {
            child,
            address,
            #[cfg(feature = "otlp-grpc")]
            grpc,
            output,
        };
        for listener in [address, grpc] {
            until("collector", || TcpStream::connect(listener).ok()).await;
        }
        collector
    }

    /// The text of every span decoded so far, each from its trace id on.
    pub(crate) fn spans(&self) -> Vec<String> {
        let output = self.output.lock().unwrap();
        output
            .split("Trace ID")
            .skip(1)
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago: the collector doesn't tell which it took.
fn free_port() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

fn binary() -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/lib");
    let python = std::fs::read_dir(&tools).into_iter().flatten().flatten();
    let mut found = python.map(|folder| folder.path().join("site-packages/rotel/rotel-agent"));
    let found = found.find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no rotel under {}: run `make tools`", tools.display()))
}
