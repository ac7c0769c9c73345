//! Who may depend on whom in the workspace, held over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::files;

/// Each member and the members it may use outside its tests. A member that is
/// not listed fails the test: adding one is a decision about the architecture.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("plimsoll-core", &[]),
    ("plimsoll-telemetry", &["plimsoll-core"]),
    (
        "plimsoll-errors",
        &[
            "plimsoll-core",
            "plimsoll-errors-lock",
            "plimsoll-errors-macros",
        ],
    ),
    // The compiler waits for these two before it can expand a catalog.
    ("plimsoll-errors-lock", &[]),
    ("plimsoll-errors-macros", &["plimsoll-errors-lock"]),
    ("plimsoll-health", &["plimsoll-core"]),
    ("plimsoll-ratelimit", &["plimsoll-core"]),
    (
        "plimsoll",
        &[
            "plimsoll-core",
            "plimsoll-telemetry",
            "plimsoll-errors",
            "plimsoll-health",
            "plimsoll-ratelimit",
        ],
    ),
    ("plimsoll-slo", &["plimsoll-core"]),
    ("plimsoll-loadtest", &["plimsoll-core", "plimsoll-slo"]),
    (
        "plimsoll-cli",
        &[
            // For `config`: core's settings are what every service reads.
            "plimsoll-core",
            "plimsoll-slo",
            "plimsoll-loadtest",
            "plimsoll-errors",
        ],
    ),
    ("plimsoll-testkit", &["plimsoll-core", "plimsoll-telemetry"]),
    (
        // Each part alone is measured too, so it has them without the facade.
        "plimsoll-bench-ours",
        &[
            "plimsoll",
            "plimsoll-telemetry",
            "plimsoll-errors",
            "plimsoll-health",
            "plimsoll-ratelimit",
        ],
    ),
    ("card-service", &["plimsoll"]),
    ("guest-service", &["plimsoll"]),
];

/// Crates from elsewhere that only some members may use outside their tests,
/// so that their next major touches one place.
const KEPT_TO: &[(&str, &[&str])] = &[
    // The guest is a host with telemetry of its own.
    ("opentelemetry", &["plimsoll-telemetry", "guest-service"]),
    (
        "opentelemetry_sdk",
        &["plimsoll-telemetry", "guest-service"],
    ),
    (
        "opentelemetry-otlp",
        &["plimsoll-telemetry", "guest-service"],
    ),
    (
        "tracing-opentelemetry",
        &["plimsoll-telemetry", "guest-service"],
    ),
    ("sentry", &["plimsoll-telemetry", "guest-service"]),
    ("goose", &["plimsoll-loadtest"]),
    ("promql-parser", &["plimsoll-slo"]),
    // Health has checks of databases, each behind a feature.
    ("sqlx", &["card-service", "plimsoll-health"]),
];

/// Dependencies that a member may have only behind a feature that is off by default.
const OPT_IN: &[(&str, &str)] = &[
    ("plimsoll-health", "sqlx"),
    ("plimsoll-loadtest", "goose"),
    ("plimsoll-telemetry", "sentry"),
];

/// Crates that `plimsoll-core` must do without: it fits any runtime and framework.
const NOT_IN_CORE: &[&str] = &["tokio", "hyper", "axum", "tracing", "metrics", "serde"];

fn members() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(files::root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {errors}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("packages: {other}"),
    }
}

fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap()
}

/// What a member is built with: everything but dev-dependencies.
fn imports(member: &Value) -> impl Iterator<Item = &Value> {
    let all = member["dependencies"].as_array().unwrap();
    all.iter().filter(|dependency| dependency["kind"] != "dev")
}

#[test]
fn members_import_only_what_the_architecture_allows() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let members = members();
    let ours: BTreeSet<_> = members.iter().map(name).collect();
    let mut faults = Vec::new();
    for member in &members {
        let Some(allowed) = allowed.get(name(member)) else {
            faults.push(format!("{} is not in MAY_IMPORT", name(member)));
            continue;
        };
        for import in imports(member).map(name) {
            if ours.contains(import) && !allowed.contains(&import) {
                faults.push(format!("{} may not import {import}", name(member)));
            }
        }
    }
    for listed in allowed.keys().filter(|listed| !ours.contains(*listed)) {
        faults.push(format!(
            "{listed} is in MAY_IMPORT but not in the workspace"
        ));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn foreign_crates_stay_where_their_types_are_wrapped() {
    let kept: BTreeMap<_, _> = KEPT_TO.iter().copied().collect();
    let members = members();
    let mut faults = Vec::new();
    for member in &members {
        for import in imports(member).map(name) {
            if let Some(homes) = kept.get(import)
                && !homes.contains(&name(member))
            {
                faults.push(format!(
                    "{} may not import {import}, only {homes:?}",
                    name(member)
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn costly_dependencies_are_behind_features_that_are_off_by_default() {
    for member in &members() {
        for &(owner, costly) in OPT_IN.iter().filter(|(owner, _)| *owner == name(member)) {
            for import in imports(member).filter(|import| name(import) == costly) {
                assert_eq!(
                    import["optional"], true,
                    "{owner}: {costly} must be optional"
                );
            }
            let defaults = reached_from_default(&member["features"]);
            assert!(
                !defaults.contains(costly),
                "{owner}: default features enable {costly}"
            );
        }
    }
}

/// The features and optional dependencies that `default` switches on.
fn reached_from_default(features: &Value) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec!["default".to_owned()];
    while let Some(feature) = open.pop() {
        let enabled = features[&feature].as_array().into_iter().flatten();
        open.extend(enabled.map(|on| on.as_str().unwrap().trim_start_matches("dep:").to_owned()));
        if !reached.insert(feature) {
            open.retain(|next| !reached.contains(next));
        }
    }
    reached
}

#[test]
fn core_fits_any_runtime_and_framework() {
    let members = members();
    let core = members
        .iter()
        .find(|member| name(member) == "plimsoll-core")
        .unwrap();
    let foreign: Vec<_> = imports(core)
        .filter(|import| import["optional"] == false)
        .map(name)
        .filter(|import| NOT_IN_CORE.contains(import))
        .collect();
    assert!(foreign.is_empty(), "plimsoll-core imports {foreign:?}");
}

#[test]
fn every_member_takes_version_edition_lints_and_publish_from_the_workspace() {
    for member in &members() {
        let manifest = std::fs::read_to_string(member["manifest_path"].as_str().unwrap()).unwrap();
        for line in [
            "version.workspace = true",
            "edition.workspace = true",
            "publish.workspace = true",
        ] {
            assert!(manifest.contains(line), "{}: no `{line}`", name(member));
        }
        let lints = manifest.contains("[lints]\nworkspace = true");
        assert!(lints, "{}: lints are not the workspace's", name(member));
    }
}

#[test]
fn the_code_map_of_the_architecture_names_every_member() {
    let architecture = files::read("ARCHITECTURE.md");
    let root = files::root().canonicalize().unwrap();
    for member in &members() {
        let manifest = std::path::Path::new(member["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().strip_prefix(&root).unwrap();
        let entry = format!("`{}/`", folder.display());
        assert!(
            architecture.contains(&entry),
            "ARCHITECTURE.md does not name {entry}"
        );
    }
}
