//! The folder of generated files: written, or compared with what is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::markdown::MARK;
use crate::commands::Outcome;
use crate::output;

/// Texts by the names of their files.
pub(super) type Files = BTreeMap<String, String>;

/// Writes every file, and removes those of codes that are gone.
pub(super) fn write(folder: &Path, files: &Files) -> Outcome {
    let cannot = |path: &Path, error: &std::io::Error| {
        format!(
            "{} cannot be written: {error}; name a folder that is yours",
            path.display()
        )
    };
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| cannot(&path, &error))?;
    }
    for path in left_over(folder, files) {
        fs::remove_file(&path).map_err(|error| cannot(&path, &error))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares every file, and looks for those of codes that are gone.
pub(super) fn check(folder: &Path, files: &Files) -> ExitCode {
    let mut stale = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(found) if found == *text => {}
            Ok(_) => stale.push(format!("{} is stale", path.display())),
            Err(error) => stale.push(format!("{} cannot be read: {error}", path.display())),
        }
    }
    for path in left_over(folder, files) {
        stale.push(format!("{} is of no code of the catalog", path.display()));
    }
    if stale.is_empty() {
        return ExitCode::SUCCESS;
    }
    for line in &stale {
        output::note(line);
    }
    output::note("write them again: run the same command without --check");
    output::STALE.into()
}

/// Files that this command wrote for another catalog. Others in the folder are
/// none of ours.
fn left_over(folder: &Path, files: &Files) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = |path: &PathBuf| {
        let is_known = |name: &str| files.contains_key(name);
        let name = path.file_name().and_then(|name| name.to_str());
        let is_markdown = path.extension().is_some_and(|kind| kind == "md");
        is_markdown
            && !name.is_some_and(is_known)
            && fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
    };
    let mut left: Vec<_> = entries.map(|entry| entry.path()).filter(ours).collect();
    left.sort();
    left
}
