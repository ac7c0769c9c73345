//! `config`: every fault at once, every value with its source, no secret shown.

use std::path::Path;
use std::process::Output;

use plimsoll_core::settings::ALL;
use serde_json::Value;

use crate::common::{code, err, out, plimsoll};

/// Runs in a folder of its own, with `plimsoll.toml` there if `file` is given.
fn config(file: Option<&str>, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    if let Some(text) = file {
        std::fs::write(folder.path().join("plimsoll.toml"), text).unwrap();
    }
    within(folder.path(), env, arguments)
}

fn within(folder: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = plimsoll();
    command.arg("config").args(arguments).current_dir(folder);
    command.envs(env.iter().copied()).output().unwrap()
}

const BAD_FILE: &str = "timeout = \"soon\"\ntimout = \"1s\"\nconcurrency = 7\n";
const BAD_ENV: [(&str, &str); 2] = [
    ("PLIMSOLL_TRUST", "10.0.0.0/99"),
    ("PLIMSOLL_FUTURE_THING", "1"),
];

#[test]
fn all_faults_are_listed_at_once_and_only_strict_refuses_them() {
    for (more, expected) in [(&[][..], 0), (&["--strict"], 2)] {
        let arguments = [&["check"], more].concat();
        let output = config(Some(BAD_FILE), &BAD_ENV, &arguments);
        assert_eq!(code(&output), expected, "{}", err(&output));
        let text = out(&output);
        assert!(text.starts_with("4 faults in plimsoll.toml"), "{text}");
        for told in [
            "  timeout in plimsoll.toml: ",
            "  timout in plimsoll.toml: no such setting in this version; did you mean timeout?",
            "  PLIMSOLL_TRUST: ",
            "  PLIMSOLL_FUTURE_THING: no such setting",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    let output = config(Some(BAD_FILE), &BAD_ENV, &["check", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["faults"].as_array().unwrap().len(), 4);
    assert_eq!(json["faults"][3]["setting"], "PLIMSOLL_TRUST");
}

#[test]
fn without_any_fault_strict_is_content() {
    for file in [None, Some("timeout = \"2s\"\nmode = \"limit=observe\"\n")] {
        let output = config(file, &[("PLIMSOLL_LOG", "debug")], &["check", "--strict"]);
        assert_eq!(code(&output), 0, "{}", out(&output));
        assert!(out(&output).starts_with("0 faults"), "{}", out(&output));
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let typed = config(None, &[], &["check", "--file", "no/such.toml"]);
    assert_eq!(code(&typed), 2);
    assert!(err(&typed).contains("no/such.toml cannot be read"));

    // A service would only warn of this one, so it is a fault like the others.
    let named = [("PLIMSOLL_CONFIG", "no/such.toml")];
    assert_eq!(code(&config(None, &named, &["check"])), 0);
    let strict = config(None, &named, &["check", "--strict"]);
    assert_eq!(code(&strict), 2);
    assert!(
        out(&strict).contains("PLIMSOLL_CONFIG: no/such.toml"),
        "{}",
        out(&strict)
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_by_its_line() {
    let output = config(
        Some("timeout = \"2s\"\nmode observe\n"),
        &[],
        &["check", "--strict"],
    );
    assert_eq!(code(&output), 2);
    assert!(out(&output).contains("line 2"), "{}", out(&output));
}

#[test]
fn every_setting_is_printed_with_its_value_and_source() {
    let file = "timeout = \"2s\"\nmode = \"observe\"\n";
    let env = [
        ("PLIMSOLL_MODE", "enforce"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ];
    let table = config(Some(file), &env, &["print"]);
    assert_eq!(code(&table), 0, "{}", err(&table));
    let text = out(&table);
    assert_eq!(
        text.lines().count(),
        ALL.len() + plimsoll_core::otel::ALL.len()
    );
    let row = |key: &str| -> Vec<&str> {
        let mut rows = text.lines().map(|line| line.split_whitespace());
        let found = rows.find(|row| row.clone().next() == Some(key));
        found.unwrap().take(3).collect()
    };
    assert_eq!(row("mode"), ["mode", "enforce", "environment"]);
    assert_eq!(row("timeout"), ["timeout", "2s", "file"]);
    assert_eq!(row("drain"), ["drain", "18s", "default"]);
    let delay = ["OTEL_BSP_SCHEDULE_DELAY", "20", "environment"];
    assert_eq!(row("OTEL_BSP_SCHEDULE_DELAY"), delay);
}

#[test]
fn secrets_are_masked_and_faults_are_warnings() {
    let env = [
        ("PLIMSOLL_CONTROL_TOKEN", "hunter2"),
        ("PLIMSOLL_DRAIN", "long"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2"),
    ];
    for format in ["table", "json"] {
        let output = config(None, &env, &["print", "--format", format]);
        assert_eq!(code(&output), 0);
        let said = out(&output) + &err(&output);
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("********"), "{said}");
        assert!(
            err(&output).starts_with("warning: PLIMSOLL_DRAIN: "),
            "{said}"
        );
    }
}

#[test]
fn another_file_may_be_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plimsoll.toml"), "concurrency = 1\n").unwrap();
    std::fs::write(folder.path().join("other.toml"), "concurrency = 2\n").unwrap();
    for (env, arguments, expected) in [
        (&[][..], &["print", "--format", "json"][..], "1"),
        (
            &[("PLIMSOLL_CONFIG", "other.toml")],
            &["print", "--format", "json"],
            "2",
        ),
        (
            &[],
            &["print", "--format", "json", "--file", "other.toml"],
            "2",
        ),
    ] {
        let output = within(folder.path(), env, arguments);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let settings = json["settings"].as_array().unwrap();
        let of = settings
            .iter()
            .find(|row| row["key"] == "concurrency")
            .unwrap();
        assert_eq!(of["value"], expected, "{arguments:?}");
    }
}
