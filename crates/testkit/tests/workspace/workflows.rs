//! CI does what `make` does here, with pinned actions and no rights it does not need.

use saphyr::{LoadableYamlNode, Yaml};

use crate::files;

/// The workflows: file name and text.
fn workflows() -> Vec<(String, String)> {
    let folder = files::root().join(".github/workflows");
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "no workflow found");
    files
}

fn parse(text: &str) -> Yaml<'_> {
    Yaml::load_from_str(text).unwrap().remove(0)
}

/// The jobs of a workflow: name and body.
fn jobs<'a>(workflow: &'a Yaml<'a>) -> Vec<(&'a str, &'a Yaml<'a>)> {
    let jobs = workflow["jobs"].as_mapping().unwrap();
    jobs.iter()
        .map(|(name, job)| (name.as_str().unwrap(), job))
        .collect()
}

fn steps<'a>(job: &'a Yaml<'a>) -> &'a [Yaml<'a>] {
    job["steps"].as_sequence().unwrap()
}

#[test]
fn every_command_is_one_make_target_that_exists() {
    let targets: Vec<_> = files::make_targets()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for (file, text) in workflows() {
        let workflow = parse(&text);
        for (job, body) in jobs(&workflow) {
            for run in steps(body)
                .iter()
                .filter_map(|step| step.as_mapping_get("run"))
            {
                let command = run.as_str().unwrap();
                let target = command.strip_prefix("make ");
                let known = target.is_some_and(|target| targets.iter().any(|name| name == target));
                assert!(known, "{file}, {job}: `{command}` is not `make TARGET`");
            }
        }
    }
}

#[test]
fn actions_are_pinned_by_commit_with_their_version_beside_it() {
    for (file, text) in workflows() {
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (_, reference) = line
                .split_once('@')
                .unwrap_or_else(|| panic!("{file}: {line}"));
            let (commit, version) = reference.split_once(" # v").unwrap_or((reference, ""));
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(
                is_commit && !version.is_empty(),
                "{file}: `{}`",
                line.trim()
            );
        }
    }
}

#[test]
fn checkouts_leave_no_credentials_behind() {
    for (file, text) in workflows() {
        let workflow = parse(&text);
        for (job, body) in jobs(&workflow) {
            for step in steps(body) {
                let uses = step.as_mapping_get("uses").and_then(|uses| uses.as_str());
                if uses.is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                    let kept = step["with"]["persist-credentials"].as_bool();
                    assert_eq!(kept, Some(false), "{file}, {job}");
                }
            }
        }
    }
}

#[test]
fn rights_are_none_unless_a_job_asks_and_every_job_ends_by_itself() {
    for (file, text) in workflows() {
        let workflow = parse(&text);
        let top = workflow["permissions"].as_mapping().unwrap();
        assert!(
            top.is_empty(),
            "{file}: permissions at the top must be {{}}"
        );
        assert!(
            workflow.contains_mapping_key("concurrency"),
            "{file}: no concurrency"
        );
        for (job, body) in jobs(&workflow) {
            assert!(
                body.contains_mapping_key("permissions"),
                "{file}, {job}: no permissions"
            );
            assert!(
                body["timeout-minutes"].as_integer().is_some(),
                "{file}, {job}: no timeout"
            );
        }
    }
}

#[test]
fn one_job_stands_for_all_and_runs_whatever_happened_to_them() {
    let text = files::read(".github/workflows/ci.yml");
    let workflow = parse(&text);
    let (mut others, mut needed) = (Vec::new(), Vec::new());
    for (name, body) in jobs(&workflow) {
        if name == "ci-ok" {
            assert_eq!(body["if"].as_str(), Some("always()"));
            let needs = body["needs"].as_sequence().unwrap();
            needed.extend(needs.iter().map(|need| need.as_str().unwrap()));
            let last = steps(body).last().unwrap();
            assert_eq!(
                last["env"]["RESULTS"].as_str(),
                Some("${{ join(needs.*.result, ' ') }}")
            );
        } else {
            others.push(name);
        }
    }
    assert_eq!(needed, others);
}
