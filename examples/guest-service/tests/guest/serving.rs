//! The binary, with its globals and over TCP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn both_serve_and_only_the_second_has_our_series() {
    for which in ["before", "after"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guest-service"));
        command.args([which, "--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let _running = Running(child);
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let listening = lines
            .find(|line| line["fields"]["message"] == "listening")
            .unwrap();
        let address = listening["fields"]["address"].as_str().unwrap();

        let answer = get(address, "/orders/1");
        assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
        let page = get(address, "/metrics");
        assert!(page.contains("orders_requests_total{"), "{page}");
        let ours = page.contains("plimsoll_requests_total{");
        assert_eq!(ours, which == "after", "{page}");
        let own = lines.find(|line| line["fields"]["message"] == "answered");
        assert_eq!(own.unwrap()["span"]["route"], "/orders/{id}");
    }
}
