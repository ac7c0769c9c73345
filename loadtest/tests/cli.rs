//! The real binary `card-load`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "goose")]

mod service;

use std::process::{Command, Output};

const CARD_LOAD: &str = env!("CARGO_BIN_EXE_card-load");

fn card_load(args: &[&str]) -> Output {
    Command::new(CARD_LOAD)
        .args(args)
        .output()
        .expect("the binary runs")
}

fn slo_file() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), service::slo_text()).expect("written");
    file
}

#[test]
fn help_tells_an_example_and_the_exit_codes() {
    let output = card_load(&["run", "--help"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.contains("Example:") && text.contains("130 interrupted"),
        "{text}"
    );
}

#[test]
fn bad_input_ends_with_2_and_tells_the_fix() {
    let slo = slo_file();
    let slo = slo.path().to_str().expect("a path");
    let good = [
        "run",
        "--url",
        "http://127.0.0.1:1",
        "--metrics",
        "http://127.0.0.1:1/metrics",
    ];
    let cases: [(&[&str], &str); 5] = [
        (&["--slo", slo], "Connection refused"),
        (&["--slo", "missing.yaml"], "missing.yaml"),
        (&["--slo", slo, "--rate", "0"], "above 0"),
        (&["--slo", slo, "--for", "30"], "such as 30s"),
        (&[], "--slo"),
    ];
    for (args, told) in cases {
        let output = card_load(&[&good, args].concat());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(told), "{told}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_with_130_and_what_was_seen() {
    let running = service::start().await;
    let slo = slo_file();
    let child = tokio::process::Command::new(CARD_LOAD)
        .args([
            "run",
            "--url",
            &running.url,
            "--metrics",
            &running.metrics,
            "--for",
            "10m",
            "--rate",
            "50",
        ])
        .args(["--format", "json", "--quiet", "--slo"])
        .arg(slo.path())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let id = child.id().expect("a process").to_string();
    // The journeys' routes are not the test service's, but connections come.
    tokio::time::timeout(std::time::Duration::from_secs(30), running.accepted())
        .await
        .expect("load arrives");
    let killed = Command::new("kill")
        .args(["-INT", &id])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().await.expect("it ends");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(130), "{json}");
    assert_eq!(json["interrupted"], true);
}

#[test]
fn the_demo_tells_what_it_misses() {
    let demo = Command::new(env!("CARGO_BIN_EXE_card-demo"))
        .args(["--service", "not/there"])
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&demo.stdout);
    assert_eq!(demo.status.code(), Some(2), "{text}");
    assert!(
        text.contains("not/there") && text.contains("make demo"),
        "{text}"
    );
}
