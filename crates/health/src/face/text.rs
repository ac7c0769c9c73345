//! The Kubernetes API server's text form.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::response;
use crate::evidence::Status;
use crate::health::{Health, Probe, Row};

const PLAIN: &str = "text/plain; charset=utf-8";
const WITHHELD: &str = "reason withheld";

/// Most names of `exclude` that are read.
const MAX_EXCLUDED: usize = 64;

/// The whole probe.
pub(super) fn all(
    health: &Health,
    probe: Probe,
    name: &str,
    query: &str,
    detail: bool,
) -> Response<Bytes> {
    if query.is_empty() && health.passes(probe) {
        return ok();
    }
    let mut excluded = excluded(query);
    let (mut text, mut fails) = (String::new(), false);
    for row in health.rows(probe) {
        if excluded.remove(row.name.as_ref()) {
            let _ = writeln!(text, "[+]{} excluded: ok", row.name);
            continue;
        }
        fails |= row.status == Status::Fail;
        write_row(&mut text, &row, detail);
    }
    if !excluded.is_empty() {
        let quoted: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        let names = quoted.join(",");
        let _ = writeln!(
            text,
            "warn: some health checks cannot be excluded: no matches for {names}"
        );
    }
    if fails {
        let _ = writeln!(text, "{name} check failed");
        return response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, text.into());
    }
    if !words(query).any(|(key, _)| key == "verbose") {
        return ok();
    }
    let _ = writeln!(text, "{name} check passed");
    response(StatusCode::OK, PLAIN, text.into())
}

/// One check of a probe.
pub(super) fn one(health: &Health, probe: Probe, check: &str, detail: bool) -> Response<Bytes> {
    let mut rows = health.rows(probe).into_iter();
    let Some(row) = rows.find(|row| row.name == check) else {
        let text = Bytes::from_static(b"no such check\n");
        return response(StatusCode::NOT_FOUND, PLAIN, text);
    };
    if row.status != Status::Fail {
        return ok();
    }
    let text = format!(
        "internal server error: {}\n",
        row.told(detail).unwrap_or(WITHHELD)
    );
    response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, text.into())
}

fn ok() -> Response<Bytes> {
    response(StatusCode::OK, PLAIN, Bytes::from_static(b"ok"))
}

fn write_row(text: &mut String, row: &Row<'_>, detail: bool) {
    let name = &row.name;
    let _ = match (row.status, row.told(detail)) {
        (Status::Fail, why) => writeln!(text, "[-]{name} failed: {}", why.unwrap_or(WITHHELD)),
        (_, Some(why)) => writeln!(text, "[+]{name} ok: warning: {why}"),
        (_, None) => writeln!(text, "[+]{name} ok"),
    };
}

fn excluded(query: &str) -> BTreeSet<&str> {
    let names = words(query).filter(|(key, _)| *key == "exclude");
    names.map(|(_, name)| name).take(MAX_EXCLUDED).collect()
}

/// Keys and values of a query, as they stand: names of checks need no escapes.
fn words(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = query.split('&').filter(|word| !word.is_empty());
    words.map(|word| word.split_once('=').unwrap_or((word, "")))
}
