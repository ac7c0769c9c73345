//! Which codes a run of tests has seen, held against a catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use plimsoll_errors::Entry;
use serde_json::{Value, json};

/// Method and route, by code.
pub(super) type Seen = BTreeMap<String, BTreeSet<String>>;

/// Reads what `PLIMSOLL_ERRORS_SEEN` had written.
pub(super) fn read(path: &Path) -> Result<Seen, String> {
    let place = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        format!("{place} cannot be read: {error}; run the tests with PLIMSOLL_ERRORS_SEEN={place}")
    })?;
    let mut seen = Seen::new();
    for (at, line) in text.lines().enumerate() {
        let (code, route) = emission(line).ok_or_else(|| {
            format!(
                "{place} line {} is no line of such a file: remove the file and run the tests again",
                at + 1
            )
        })?;
        seen.entry(code).or_default().insert(route);
    }
    Ok(seen)
}

fn emission(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| line.get(key)?.as_str().map(str::to_owned);
    Some((
        text("code")?,
        format!("{} {}", text("method")?, text("route")?),
    ))
}

/// One code of the catalog.
struct Row<'a> {
    entry: &'a Entry,
    routes: Vec<&'a str>,
}

/// The codes asked for, each with the routes that answered with it.
pub(super) struct Coverage<'a>(Vec<Row<'a>>);

impl<'a> Coverage<'a> {
    pub(super) fn of(entries: impl Iterator<Item = &'a Entry>, seen: &'a Seen) -> Self {
        let row = |entry: &'a Entry| {
            let routes = seen.get(&entry.code).into_iter().flatten();
            Row {
                entry,
                routes: routes.map(String::as_str).collect(),
            }
        };
        Self(entries.map(row).collect())
    }

    /// Whether every code was seen or says why not.
    pub(super) fn is_whole(&self) -> bool {
        self.0.iter().all(Row::is_covered)
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.0.iter().map(|row| {
            json!({
                "code": row.entry.code,
                "routes": row.routes,
                "untested": row.entry.untested,
                "covered": row.is_covered(),
            })
        });
        let rows: Vec<_> = rows.collect();
        json!({ "schema": 1, "whole": self.is_whole(), "codes": rows })
    }
}

impl Row<'_> {
    fn is_covered(&self) -> bool {
        !self.routes.is_empty() || self.entry.untested.is_some()
    }
}

impl fmt::Display for Coverage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let code = &row.entry.code;
            match (&row.entry.untested, row.routes.as_slice()) {
                (None, []) => writeln!(f, "{code:<13} NEVER SEEN  {}", row.entry.title)?,
                (Some(why), []) => writeln!(f, "{code:<13} untested    {why}")?,
                (why, routes) => {
                    writeln!(f, "{code:<13} seen        {}", routes.join(", "))?;
                    if why.is_some() {
                        writeln!(
                            f,
                            "{:<13}             it need not say `untested` any more",
                            ""
                        )?;
                    }
                }
            }
        }
        let missing = self.0.iter().filter(|row| !row.is_covered()).count();
        let all = self.0.len();
        if missing > 0 {
            return writeln!(
                f,
                "FAIL: {missing} of {all} codes were never answered by a test: write one, or say \
                 why in the catalog, `untested: \"..\"`"
            );
        }
        writeln!(f, "PASS: each of {all} codes was seen or says why not")
    }
}
