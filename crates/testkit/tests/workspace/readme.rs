//! The README's commands: those marked to be run are run as they stand there;
//! of the others, every make target exists and every binary is one of ours.

use std::process::Command;

use crate::files::{make_targets, read, root};

/// Fenced shell blocks: their info string and text.
fn shell_blocks(readme: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if info == "sh" || info.starts_with("sh ") {
            blocks.push((info.to_owned(), body.join("\n")));
        }
    }
    blocks
}

#[test]
fn every_block_marked_to_be_run_runs() {
    let readme = read("README.md");
    let marked: Vec<_> = shell_blocks(&readme)
        .into_iter()
        .filter(|(info, _)| info == "sh run")
        .collect();
    assert!(marked.len() >= 4, "the README has lost its commands");
    for (_, script) in marked {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(root())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{error}");
    }
}

#[test]
fn every_make_target_and_binary_named_exists() {
    let readme = read("README.md");
    let targets = make_targets();
    let binaries = ["card-service", "card-load", "plimsoll"];
    let mut named = 0;
    for (_, script) in shell_blocks(&readme) {
        for word in script.split_whitespace() {
            if let Some(binary) = word.strip_prefix("target/debug/") {
                assert!(binaries.contains(&binary), "{binary} is no binary of ours");
            }
        }
        for line in script.lines() {
            if let Some(target) = line.strip_prefix("make ") {
                let known = targets.iter().any(|(name, _)| name == target.trim());
                assert!(known, "no make target {target}");
                named += 1;
            }
        }
    }
    assert!(
        named >= 2,
        "the README no longer names make demo and make test"
    );
}
