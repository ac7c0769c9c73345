//! The Makefile is the one entry for people and CI: its help is whole and its targets exist.

use std::process::{Command, Output};

use crate::files;

fn make(arguments: &[&str]) -> Output {
    Command::new("make")
        .args(arguments)
        .current_dir(files::root())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap()
}

#[test]
fn help_lists_every_documented_target_once() {
    let output = make(&["help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    let listed: Vec<_> = help
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let documented: Vec<_> = files::make_targets()
        .into_iter()
        .filter_map(|(name, help)| help.map(|_| name))
        .collect();
    assert_eq!(listed, documented);
}

#[test]
fn make_alone_prints_the_help() {
    assert_eq!(make(&[]).stdout, make(&["help"]).stdout);
}

#[test]
fn the_targets_people_are_told_of_exist() {
    let targets = files::make_targets();
    for promised in ["demo", "test", "check", "generate", "help"] {
        let found = targets.iter().find(|(name, _)| name == promised);
        let (_, help) = found.unwrap_or_else(|| panic!("no target {promised}"));
        assert!(help.is_some(), "{promised} has no help text");
    }
}

#[test]
fn every_target_is_phony_and_resolves() {
    let makefile = files::read("Makefile");
    for (target, _) in files::make_targets() {
        assert!(
            makefile.contains(&format!(".PHONY: {target}\n")),
            "{target} is not phony"
        );
        let dry = make(&["--dry-run", &target, "RESULTS=success"]);
        let errors = String::from_utf8_lossy(&dry.stderr);
        assert!(dry.status.success(), "make --dry-run {target}: {errors}");
    }
}

#[test]
fn the_aggregate_passes_only_if_every_job_succeeded() {
    assert!(make(&["ci-ok", "RESULTS=success success"]).status.success());
    for results in ["success failure", "cancelled", "success skipped", ""] {
        let assignment = format!("RESULTS={results}");
        assert!(
            !make(&["ci-ok", &assignment]).status.success(),
            "{results:?} passed"
        );
    }
}

#[test]
fn the_ci_script_runs_check_test_and_demo() {
    assert!(files::read(".ci/run").contains("for phase in check test demo; do"));
}

#[test]
fn the_test_run_is_held_against_the_catalog_of_error_codes() {
    let makefile = files::read("Makefile");
    let run = makefile.find("PLIMSOLL_ERRORS_SEEN=$(SEEN) cargo nextest run");
    let held = makefile.find("errors coverage --seen $(SEEN)");
    assert!(run.is_some() && run < held, "a run, then its coverage");
}
