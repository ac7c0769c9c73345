//! `slo` and `dashboards`: files, exit codes, and a service that answers over TCP.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{card_service, code, err, out, plimsoll, repository, run, serve as metrics};

/// An SLO file of one objective at 99 %, good and bad by label.
fn small_slo(directory: &Path) -> String {
    let path = directory.join("slo.yaml");
    std::fs::write(&path, plimsoll_slo::EXAMPLE.replace("0.999", "0.99")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn page(start: u32, good: u32, bad: u32) -> String {
    format!(
        "process_start_time_seconds {start}\nrequests_total{{slo=\"good\"}} {good}\nrequests_total{{slo=\"bad\"}} {bad}\n"
    )
}

fn check(pages: Vec<String>, more: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = small_slo(directory.path());
    let url = metrics(pages);
    let mut arguments = vec!["slo", "check", &file, "--metrics", &url, "--for", "50ms"];
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn the_card_services_files_are_fresh() {
    let committed = |path: &str| repository().join(path).to_str().unwrap().to_owned();
    for (command, path) in [
        (["slo", "rules"], "slo/generated/card-service.rules.yaml"),
        (
            ["dashboards", "build"],
            "dashboards/generated/card-service.json",
        ),
    ] {
        let [noun, verb] = command;
        let output = run(&[
            noun,
            verb,
            &card_service(),
            "-o",
            &committed(path),
            "--check",
        ]);
        assert_eq!(code(&output), 0, "{}", err(&output));
    }
}

#[test]
fn rules_go_to_standard_output_or_to_a_file() {
    let printed = run(&["slo", "rules", &card_service()]);
    assert_eq!(code(&printed), 0);
    assert!(out(&printed).contains("record: plimsoll_slo:good:increase5m"));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    let written = run(&[
        "slo",
        "rules",
        &card_service(),
        "-o",
        path.to_str().unwrap(),
    ]);
    assert_eq!((code(&written), out(&written).as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(path).unwrap(), out(&printed));
}

#[test]
fn a_stale_or_missing_file_is_told_with_the_command_that_mends_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    let path = path.to_str().unwrap();
    let missing = run(&["slo", "rules", &card_service(), "-o", path, "--check"]);
    assert_eq!(code(&missing), 1);
    assert!(err(&missing).contains("is missing; write it again with: plimsoll slo rules"));

    run(&["slo", "rules", &card_service(), "-o", path]);
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("groups", "group", 1)).unwrap();
    let stale = run(&["slo", "rules", &card_service(), "-o", path, "--check"]);
    assert_eq!(code(&stale), 1);
    assert!(
        err(&stale).contains("is stale from line 3"),
        "{}",
        err(&stale)
    );
}

#[test]
fn a_file_with_five_faults_lists_them_all_with_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slo.yaml");
    let text = plimsoll_slo::EXAMPLE
        .replace("name: checkout-availability", "name: Checkout")
        .replace(
            "  service: checkout\n",
            "  service: checkout\n  colour: red\n",
        )
        .replace("counter: true", "counter: 1")
        .replace("duration: 30d", "duration: 1Q")
        .replace("target: 0.999", "target: 100");
    std::fs::write(&path, text).unwrap();
    let output = run(&["slo", "rules", path.to_str().unwrap()]);
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    for (line, what) in [
        ("4:9", "`Checkout` is not a DNS label"),
        ("7:3", "unknown field `colour`"),
        ("13:18", "`counter` is `1`"),
        ("25:17", "duration `1Q`"),
        ("29:15", "target 100"),
    ] {
        let expected = format!("slo.yaml:{line}: ");
        let found = err(&output)
            .lines()
            .any(|l| l.contains(&expected) && l.contains(what));
        assert!(found, "{expected}{what}\n---\n{}", err(&output));
    }
}

#[test]
fn a_missing_file_an_unwritable_place_and_wrong_usage_end_with_two() {
    let missing = run(&["slo", "rules", "no/such.yaml"]);
    assert_eq!(code(&missing), 2);
    assert!(err(&missing).contains("no/such.yaml: cannot be read"));

    let unwritable = run(&[
        "slo",
        "rules",
        &card_service(),
        "-o",
        "/no/such/folder/out.yaml",
    ]);
    assert_eq!(code(&unwritable), 2);
    assert!(err(&unwritable).contains("cannot be written"));

    for usage in [
        &["slo", "rules"][..],
        &["slo", "check", "a.yaml"],
        &["slo", "rules", "a.yaml", "--check"],
        &[
            "slo",
            "check",
            "a.yaml",
            "--metrics",
            "http://127.0.0.1:1",
            "--for",
            "soon",
        ],
        &["nonsense"],
        &[],
    ] {
        assert_eq!(code(&run(usage)), 2, "{usage:?}");
    }
}

#[test]
fn a_service_that_holds_its_objective_passes() {
    let output = check(vec![page(1, 0, 0), page(1, 400, 1)], &[]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        out(&output).ends_with("verdict: PASS\n"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_service_that_misses_its_objective_fails_in_json_too() {
    let output = check(
        vec![page(1, 0, 0), page(1, 300, 100)],
        &["--format", "json"],
    );
    assert_eq!(code(&output), 1);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["verdict"], "FAIL");
    assert_eq!(report["rows"][0]["total"], 400.0);
    assert_eq!(report["rows"][0]["target"], "0.99");
}

#[test]
fn too_few_requests_are_inconclusive() {
    let output = check(vec![page(1, 0, 0), page(1, 100, 0)], &[]);
    assert_eq!(code(&output), 3);
    assert!(
        out(&output).contains("200 more requests are needed"),
        "{}",
        out(&output)
    );
}

#[test]
fn no_data_and_a_restart_are_invalid() {
    let typo = "request_total{slo=\"good\"} 1\n".to_owned();
    let output = check(vec![typo.clone(), typo], &[]);
    assert_eq!(code(&output), 4);
    assert!(
        out(&output).contains("no data: no series matches requests_total"),
        "{}",
        out(&output)
    );

    let output = check(vec![page(1, 0, 0), page(2, 400, 0)], &[]);
    assert_eq!(code(&output), 4);
    assert!(out(&output).contains("restarted"), "{}", out(&output));

    let output = check(vec![page(1, 0, 0), "<html>".to_owned()], &[]);
    assert_eq!(code(&output), 4);
    assert!(
        out(&output).contains("the second scrape failed"),
        "{}",
        out(&output)
    );
}

#[test]
fn what_cannot_be_scraped_at_all_is_bad_input_with_its_fix() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_url = format!("http://{}/metrics", closed.local_addr().unwrap());
    drop(closed);
    let html = metrics(vec!["<!DOCTYPE html>".to_owned()]);
    for (url, expected) in [
        (closed_url.as_str(), "is the service running"),
        (
            "https://127.0.0.1:1/metrics",
            "is not an http address; write it like http://",
        ),
        ("somewhere", "is not an http address"),
        (
            html.as_str(),
            "is it a metrics page in the Prometheus text format?",
        ),
    ] {
        let output = run(&[
            "slo",
            "check",
            &card_service(),
            "--metrics",
            url,
            "--for",
            "10ms",
        ]);
        assert_eq!(code(&output), 2, "{url}");
        assert!(err(&output).contains(expected), "{url}: {}", err(&output));
    }
}

#[test]
fn a_reader_that_closes_early_causes_no_panic() {
    let mut child = plimsoll()
        .args(["slo", "rules", &card_service()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupt_ends_the_wait_with_130() {
    let directory = tempfile::tempdir().unwrap();
    let file = small_slo(directory.path());
    let url = metrics(vec![page(1, 0, 0)]);
    let mut child = plimsoll()
        .args(["slo", "check", &file, "--metrics", &url, "--for", "60s"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("60 s left"));
    let start = Instant::now();
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(30));
}
