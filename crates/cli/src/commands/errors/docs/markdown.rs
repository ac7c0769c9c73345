//! A Markdown file for each code, and their list. Writing to a String cannot fail.

use std::fmt::Write as _;

use plimsoll_errors::Entry;

use super::folder::Files;
use super::words;

/// First line of each file.
pub(super) const MARK: &str =
    "<!-- Written by `plimsoll errors docs`: change the catalog instead. -->";

/// `README.md` and `CODE.md` for each code.
pub(super) fn files(title: &str, entries: &[Entry]) -> Files {
    let one = |entry: &Entry| (format!("{}.md", entry.code), code(entry));
    let mut files: Files = entries.iter().map(one).collect();
    files.insert("README.md".into(), list(title, entries));
    files
}

fn list(title: &str, entries: &[Entry]) -> String {
    let title = text(title);
    let mut out = format!(
        "{MARK}\n\n# {title}\n\nAll on one page, to search and to print: [index.html](index.html).\n\n\
         | code | title | status | blame | retry | owner |\n|---|---|---|---|---|---|\n"
    );
    for entry in entries {
        let row = [
            &format!("[{0}]({0}.md)", entry.code),
            &cell(&entry.title),
            &entry.status.to_string(),
            &entry.blame,
            &entry.retry.policy,
            &entry.owner.as_deref().map(cell).unwrap_or_default(),
        ];
        let _ = writeln!(out, "| {} |", row.map(String::as_str).join(" | "));
    }
    out
}

fn code(entry: &Entry) -> String {
    let Entry {
        code,
        reason,
        grpc,
        blame,
        slo,
        ..
    } = entry;
    let status = words::status(entry);
    let blamed = words::blame(entry);
    let counted = words::slo(entry);
    let policy = &entry.retry.policy;
    let retry = words::retry(entry);
    let mut out = format!(
        "{MARK}\n\n# {code}: {title}\n\n| | |\n|---|---|\n\
         | reason | `{reason}` |\n\
         | HTTP status | {status} |\n\
         | gRPC code | `{grpc}` |\n\
         | blame | {blame}: {blamed} |\n\
         | SLO | {slo}: {counted} |\n\
         | retry | {policy}: {retry} |\n",
        title = text(&entry.title),
    );
    for (name, value) in [("owner", &entry.owner), ("runbook", &entry.runbook)] {
        if let Some(value) = value {
            let _ = writeln!(out, "| {name} | {} |", cell(value));
        }
    }
    for (heading, voice) in [
        ("The client is told", &entry.client),
        ("For the support desk", &entry.support),
        ("For operators", &entry.operator),
    ] {
        let _ = write!(out, "\n## {heading}\n\n{}\n", text(voice));
    }
    if let Some(why) = &entry.untested {
        let _ = write!(out, "\nNo test brings it about: {}\n", text(why));
    }
    let (head, example) = (words::head(entry), entry.example());
    let _ = write!(
        out,
        "\n## What the client is sent\n\n```http\n{head}```\n\n```json\n{example}\n```\n\n\
         [All codes](README.md)\n"
    );
    out
}

/// Text between blocks: no HTML of its own.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Text in a table.
fn cell(of: &str) -> String {
    text(of).replace('|', "\\|").replace('\n', " ")
}
