//! What each setting takes, told with the way to mend it.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::keep::Keep;
use crate::mode::{Mode, Part};
use crate::shown;

#[expect(clippy::unnecessary_wraps, reason = "the shape of every check")]
pub(super) fn any(_: &str) -> Result<(), String> {
    Ok(())
}

pub(super) fn parses<T: FromStr>(text: &str) -> Result<(), String>
where
    T::Err: fmt::Display,
{
    text.parse::<T>()
        .map(drop)
        .map_err(|error| error.to_string())
}

pub(super) fn mode(text: &str) -> Result<(), String> {
    modes(text).map(drop)
}

/// Reads the modes of `mode`: one for all parts, or a list of `part=mode`.
pub fn modes(text: &str) -> Result<Vec<(Part, Mode)>, String> {
    if let Ok(mode) = text.parse::<Mode>() {
        return Ok(Part::ALL.map(|part| (part, mode)).into());
    }
    let one = |pair: &str| {
        let (part, mode) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?} is neither a mode nor part=mode"))?;
        let part = part
            .trim()
            .parse::<Part>()
            .map_err(|error| error.to_string())?;
        let mode = mode
            .trim()
            .parse::<Mode>()
            .map_err(|error| error.to_string())?;
        Ok((part, mode))
    };
    text.split(',').map(|pair| one(pair.trim())).collect()
}

pub(super) fn header_name(text: &str) -> Result<(), String> {
    if text.is_empty() || text.parse::<http::HeaderName>().is_ok() {
        return Ok(());
    }
    Err(format!("{text:?} is no name of a header"))
}

pub(super) fn address(text: &str) -> Result<(), String> {
    if text == "off" || text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no address; write for example 127.0.0.1:8081, or off"
    ))
}

pub(super) fn duration(text: &str) -> Result<(), String> {
    humantime::parse_duration(text)
        .map(drop)
        .map_err(|error| format!("{error}; write for example 10s or 500ms"))
}

/// A whole number from 1 on: 0 would refuse every request.
fn count(text: &str, off: &str) -> Result<(), String> {
    match text.parse::<u64>() {
        Ok(0) => Err(format!(
            "0 would refuse every request; write 1 or more, or {off}"
        )),
        Ok(number) if usize::try_from(number).is_ok() => Ok(()),
        _ => Err(format!("{text:?} is no whole number; write 1 or more")),
    }
}

pub(super) fn concurrency(text: &str) -> Result<(), String> {
    count(text, "switch the limit off with mode = \"concurrency=off\"")
}

pub(super) fn body_limit(text: &str) -> Result<(), String> {
    count(
        text,
        "switch it off, together with the shape of failures, with mode = \"shape=off\"",
    )
}

pub(super) fn limit_deadline(text: &str) -> Result<(), String> {
    lasting(
        text,
        "would ask the store in vain; write for example 10ms, or leave limit_redis empty",
    )
}

pub(super) fn timeout(text: &str) -> Result<(), String> {
    lasting(
        text,
        "would refuse every request; write for example 10s, or switch the timeout off \
         with mode = \"timeout=off\"",
    )
}

pub(super) fn grace(text: &str) -> Result<(), String> {
    lasting(
        text,
        "leaves no time to stop; write what the platform gives, for example 30s",
    )
}

/// A duration longer than zero.
fn lasting(text: &str, zero: &str) -> Result<(), String> {
    duration(text)?;
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err(format!("{text:?} {zero}")),
        _ => Ok(()),
    }
}

pub(super) fn ratio(text: &str) -> Result<(), String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(()),
        _ => Err(format!("{text:?} is no number from 0 to 1")),
    }
}

pub(super) fn lines_per_second(text: &str) -> Result<(), String> {
    match text.parse::<u32>() {
        _ if text == "off" => Ok(()),
        Ok(0) => Err("0 would suppress every line; write 1 or more, or off".into()),
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "{text:?} is no whole number; write 1 or more, or off"
        )),
    }
}

fn word(text: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&text) {
        return Ok(());
    }
    Err(format!("{text:?} is none of {}", known.join(", ")))
}

pub(super) fn switch(text: &str) -> Result<(), String> {
    word(text, &["on", "off"])
}

pub(super) fn triggers(text: &str) -> Result<(), String> {
    Keep::list(text).map(drop)
}

pub(super) fn flight_bytes(text: &str) -> Result<(), String> {
    match text.parse::<usize>() {
        Ok(1_024..=524_288) => Ok(()),
        _ => Err(format!(
            "{text:?} is no whole number from 1024 to 524288; switch the recorder off with flight = \"off\""
        )),
    }
}

pub(super) fn ownership(text: &str) -> Result<(), String> {
    word(text, &["own", "join", "off"])
}

pub(super) fn shape(text: &str) -> Result<(), String> {
    word(text, &["ours", "all"])
}

/// What `limit_headers` takes: the forms of the crate `plimsoll-ratelimit`.
pub const LIMIT_HEADERS: &[&str] = &["draft-11", "draft-7", "x-ratelimit", "off"];

pub(super) fn limit_headers(text: &str) -> Result<(), String> {
    word(text, LIMIT_HEADERS)
}

pub(super) fn errors_types(text: &str) -> Result<(), String> {
    word(text, &["own", "iana"])
}

pub(super) fn log_format(text: &str) -> Result<(), String> {
    word(text, &["auto", "json", "pretty"])
}

pub(super) fn series(text: &str) -> Result<(), String> {
    match text.parse::<usize>() {
        Ok(1..) => Ok(()),
        _ => Err(format!(
            "{text:?} is no whole number from 1 on; metrics are switched off with metrics = \"off\""
        )),
    }
}

/// The words of a list: `one,two` or, in the file, `["one", "two"]`.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let words = inner.split(',');
    let bare = words.map(|word| word.trim().trim_matches(['"', '\'']));
    bare.filter(|word| !word.is_empty())
}

pub(super) fn aliases(text: &str) -> Result<(), String> {
    list(text).try_for_each(|alias| word(alias, &["axum-prometheus"]))
}

pub(super) fn headers(text: &str) -> Result<(), String> {
    shown::header_names(text).map(drop)
}

pub(super) fn query(text: &str) -> Result<(), String> {
    shown::parameter_names(text).map(drop)
}
