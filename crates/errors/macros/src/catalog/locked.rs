//! The rules of the lock: what was published stays.

use std::path::PathBuf;
use std::{env, fs};

use plimsoll_errors_lock::{Change, Field, Lock, Published, Record};
use proc_macro2::Span;
use quote::ToTokens;

use super::Faults;
use super::parse::{Catalog, Entry};
use crate::names::snake;

/// Where a lock is by custom.
const CUSTOM: &str = "errors.lock";

/// What the compiler must still hold to the lock: words that only the types of
/// `plimsoll-errors` know, because they follow from the status and the blame.
pub(super) struct Kept {
    /// Position of the entry.
    pub(super) at: usize,
    /// `grpc` or `slo`.
    pub(super) field: &'static str,
    /// As published.
    pub(super) word: String,
    /// What to say if it is another now.
    pub(super) told: String,
    pub(super) span: Span,
}

pub(super) fn check(catalog: &Catalog, faults: &mut Faults) -> Vec<Kept> {
    let prefix = catalog.prefix.value();
    let Some(path) = &catalog.lock else {
        let lock = fs::read_to_string(beside_manifest(CUSTOM)).ok();
        let lock = lock.and_then(|text| Lock::parse(&text).ok());
        if lock.is_some_and(|lock| lock.prefix() == Some(&prefix)) {
            let told = format!(
                "{prefix} is published in {CUSTOM}: hold to it by `enum {}: {prefix:?}, lock \
                 {CUSTOM:?} {{`",
                catalog.name
            );
            faults.add(&catalog.name, told);
        }
        return Vec::new();
    };
    let lock = match read(&path.value()) {
        Ok(lock) => lock,
        Err(told) => {
            faults.add(path, told);
            return Vec::new();
        }
    };
    if let Some(other) = lock.prefix().filter(|other| *other != prefix) {
        let told = format!(
            "{} publishes {other} and this catalog is {prefix}: a published prefix never changes, \
             and each catalog has a lock of its own",
            path.value()
        );
        faults.add(&catalog.prefix, told);
        return Vec::new();
    }
    let published: Vec<_> = catalog
        .entries
        .iter()
        .filter_map(|entry| published(entry, lock.find(&entry.id)))
        .collect();
    // Half a catalog would look like one with codes removed.
    if published.len() == catalog.entries.len() {
        for change in lock.compare(&published) {
            if change.is_breaking() {
                faults.add(place(catalog, &change), &change);
            }
        }
    }
    kept(catalog, &lock)
}

/// Where paths of locks begin: the folder of the crate's manifest.
fn beside_manifest(path: &str) -> PathBuf {
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    folder.unwrap_or_default().join(path)
}

fn read(path: &str) -> Result<Lock, String> {
    let text = fs::read_to_string(beside_manifest(path)).map_err(|error| {
        format!(
            "{path} cannot be read beside Cargo.toml ({error}): get it back from version control; \
             if nothing is published yet, create it empty and, once this compiles, write it with \
             `plimsoll errors lock`"
        )
    })?;
    Lock::parse(&text).map_err(|error| format!("{path}, {error}"))
}

/// The entry as the lock sees it; the words that only types know as published.
fn published(entry: &Entry, record: Option<&Record>) -> Option<Published> {
    let known = |word: fn(&Published) -> &String| {
        record
            .map(|record| word(&record.published).clone())
            .unwrap_or_default()
    };
    Some(Published {
        code: entry.id.clone(),
        reason: entry.reason.clone(),
        status: entry.status()?.1,
        grpc: known(|published| &published.grpc),
        blame: snake(&entry.word("blame")?.to_string()),
        retry: snake(&entry.word("retry")?.to_string()),
        slo: known(|published| &published.slo),
    })
}

fn kept(catalog: &Catalog, lock: &Lock) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (at, entry) in catalog.entries.iter().enumerate() {
        let Some(Record { published, .. }) = lock.find(&entry.id) else {
            continue;
        };
        for (field, from) in [(Field::Grpc, &published.grpc), (Field::Slo, &published.slo)] {
            let told = Change::Changed {
                was: published.clone(),
                field,
                from: from.clone(),
                to: "another".into(),
            };
            kept.push(Kept {
                at,
                field: field.as_str(),
                word: from.clone(),
                told: told.to_string(),
                span: entry.word(field.as_str()).unwrap_or(&entry.variant).span(),
            });
        }
    }
    kept
}

/// The words of the source that a message is about.
fn place<'a>(catalog: &'a Catalog, change: &Change) -> &'a dyn ToTokens {
    let entry = |code: &str| catalog.entries.iter().find(|entry| entry.id == code);
    let found: Option<&dyn ToTokens> = match change {
        Change::Renumbered { now, .. } => entry(now).map(|entry| &entry.number as _),
        Change::Reused { was, .. } => entry(&was.code).map(|entry| &entry.number as _),
        Change::ReasonReused { now, .. } => entry(now).map(|entry| &entry.variant as _),
        Change::Changed { was, field, .. } => entry(&was.code).map(|entry| match field {
            Field::Status => entry
                .status()
                .map_or(&entry.variant as _, |(literal, _)| literal as _),
            other => entry.word(other.as_str()).unwrap_or(&entry.variant) as _,
        }),
        _ => None,
    };
    found.unwrap_or(&catalog.name)
}
