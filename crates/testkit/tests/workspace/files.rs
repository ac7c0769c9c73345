//! The workspace's own files, as the tests here read them.

use std::path::PathBuf;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the workspace, as text.
pub(crate) fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every target of the Makefile, with its help text if it has one.
pub(crate) fn make_targets() -> Vec<(String, Option<String>)> {
    let makefile = read("Makefile");
    makefile.lines().filter_map(target).collect()
}

fn target(line: &str) -> Option<(String, Option<String>)> {
    let (name, rest) = line.split_once(':')?;
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    let is_rule = is_name && !rest.starts_with('=');
    is_rule.then(|| {
        let help = rest
            .split_once("## ")
            .map(|(_, help)| help.trim().to_owned());
        (name.to_owned(), help)
    })
}
