//! The rules that hold without a lock.

use plimsoll_errors_lock::prefix_fits;

use super::Faults;
use super::keys::KEYS;
use super::parse::{Catalog, Entry, Value};

/// Longest reason: AIP-193.
const REASON_MAX: usize = 63;

pub(super) fn check(catalog: &Catalog, faults: &mut Faults) {
    if !prefix_fits(&catalog.prefix.value()) {
        let told =
            "the prefix of a catalog is two to eight upper-case letters, for instance \"CARD\"";
        faults.add(&catalog.prefix, told);
    }
    if catalog.entries.is_empty() {
        faults.add(&catalog.name, "a catalog has at least one code");
    }
    for (at, entry) in catalog.entries.iter().enumerate() {
        number(entry, &catalog.entries, at, faults);
        reason(entry, &catalog.entries[..at], faults);
        keys(entry, faults);
        blame(entry, faults);
    }
}

fn number(entry: &Entry, all: &[Entry], at: usize, faults: &mut Faults) {
    let Entry {
        id,
        variant,
        number,
        ..
    } = entry;
    let Some(value) = value(entry) else {
        let told = format!("{variant} needs a number of four digits, 1000 to 9999, not {number}");
        return faults.add(number, told);
    };
    let before = &all[..at];
    if let Some(first) = before.iter().find(|it| self::value(it) == Some(value)) {
        let free = free(value, all);
        let told = format!(
            "{id} is given twice, first to {}: every code has a number of its own{free}",
            first.variant
        );
        return faults.add(number, told);
    }
    if let Some(above) = before.iter().find(|it| self::value(it) > Some(value)) {
        let told = format!(
            "{id} stands below {}: numbers ascend, so that two branches which add the same one \
             meet in a conflict; move it up",
            above.id
        );
        faults.add(number, told);
    }
}

fn value(entry: &Entry) -> Option<u16> {
    let digits = entry.number.to_string();
    let value = digits.parse().ok()?;
    (1000..=9999).contains(&value).then_some(value)
}

/// The number after the last of the same thousand.
fn free(taken: u16, all: &[Entry]) -> String {
    let of_group = |it: &u16| it / 1000 == taken / 1000;
    let last = all.iter().filter_map(value).filter(of_group).max();
    match last.filter(|last| last % 1000 < 999) {
        Some(last) => format!("; {} is free", last + 1),
        None => String::new(),
    }
}

fn reason(entry: &Entry, before: &[Entry], faults: &mut Faults) {
    let Entry {
        id,
        variant,
        reason,
        ..
    } = entry;
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let whole = variant
        .to_string()
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric());
    if !whole || !reason.bytes().all(legal) || !(3..=REASON_MAX).contains(&reason.len()) {
        let told = format!(
            "{id} needs another name: {variant} makes the reason {reason} of {} characters; a name has \
             ASCII letters and digits only, a reason 3 to {REASON_MAX} characters",
            reason.chars().count()
        );
        return faults.add(variant, told);
    }
    if let Some(first) = before.iter().find(|it| it.reason == *reason) {
        let told = format!(
            "{id} has the reason {reason}, as {} has: choose another name, programs tell codes \
             apart by it",
            first.id
        );
        faults.add(variant, told);
    }
}

fn keys(entry: &Entry, faults: &mut Faults) {
    let Entry { id, variant, .. } = entry;
    for key in KEYS {
        let mut given = entry.pairs.iter().filter(|pair| pair.key == key.name);
        match given.next() {
            None if key.missing.is_empty() => {}
            None => faults.add(variant, format!("{id} {variant}: {}", key.missing)),
            Some(pair) => match &pair.value {
                Value::Text(text) if text.value().trim().is_empty() => {
                    faults.add(
                        text,
                        format!(
                            "{id} {variant}: {} is empty; {}",
                            key.name,
                            fill(key.missing)
                        ),
                    );
                }
                _ => {}
            },
        }
        for again in given {
            faults.add(
                &again.key,
                format!("{id} {variant} says `{}` twice", key.name),
            );
        }
    }
}

fn fill(missing: &'static str) -> &'static str {
    if missing.is_empty() {
        "leave it out or fill it in"
    } else {
        missing
    }
}

/// Client faults are 4xx; the server's and a dependency's are 5xx; lack of
/// capacity is 429 or 5xx.
fn blame(entry: &Entry, faults: &mut Faults) {
    let Entry { id, variant, .. } = entry;
    let Some(Value::Status(literal)) = entry.value("status") else {
        return;
    };
    let Some((_, status @ 400..=599)) = entry.status() else {
        let told = format!("{id} {variant}: a failure has a status of 400 to 599, not {literal}");
        return faults.add(literal, told);
    };
    let Some(blame) = entry.word("blame") else {
        return;
    };
    let fit = match blame.to_string().as_str() {
        "Client" => (400..=499).contains(&status),
        "Capacity" => status == 429 || status >= 500,
        _ => status >= 500,
    };
    if !fit {
        let of_status = match status {
            429 => "Client (its quota) or Capacity",
            400..=499 => "Client",
            _ => "Server, Dependency or Capacity",
        };
        let told = format!(
            "{id} {variant}: {blame} cannot be to blame for a {status}; that is {of_status}: \
             change the blame or the status"
        );
        faults.add(blame, told);
    }
}
