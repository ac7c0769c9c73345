//! What each variable takes, told with the way to mend it.

use http::{HeaderName, HeaderValue};

use crate::percent;

/// `Ok` is usable, `Some` with something to tell; `Err` is not.
pub(super) type Checked = Result<Option<String>, String>;

fn good<T>(value: Result<T, String>) -> Checked {
    value.map(|_| None)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every check")]
pub(super) fn any(_: &str) -> Checked {
    Ok(None)
}

fn word(text: &str, known: &[&str]) -> Checked {
    if known.contains(&text) {
        return Ok(None);
    }
    let known = known.join(", ");
    Err(format!("{text:?} is none of {known}; the default holds"))
}

pub(super) fn boolean(text: &str) -> Checked {
    word(&text.to_ascii_lowercase(), &["true", "false"])
}

pub(super) fn sampler(text: &str) -> Checked {
    let roots = ["always_on", "always_off", "traceidratio"];
    if roots.contains(&text.strip_prefix("parentbased_").unwrap_or(text)) {
        return Ok(None);
    }
    Err(format!(
        "{text:?} is not in this version; write always_on, always_off or traceidratio, each also with parentbased_ before it"
    ))
}

pub(super) fn ratio(text: &str) -> Checked {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(None),
        _ => Err(format!("{text:?} is no number from 0 to 1; 1 is used")),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every check")]
pub(super) fn propagators(text: &str) -> Checked {
    let known = ["tracecontext", "baggage", "none"];
    let words = text.split(',').map(str::trim);
    let others: Vec<_> = words.filter(|word| !known.contains(word)).collect();
    Ok((!others.is_empty()).then(|| {
        let others = others.join(", ");
        format!("{others:?} is not in this version; tracecontext, baggage and none are")
    }))
}

pub(super) fn exporter(text: &str) -> Checked {
    word(text, &["otlp", "none"])
}

pub(super) fn export_of(text: &str) -> Checked {
    word(text, &["otlp", "prometheus", "none"])
}

pub(super) fn endpoint(text: &str) -> Checked {
    if text.contains(char::is_whitespace) || text.parse::<http::Uri>().is_err() {
        let example = "http://127.0.0.1:4318";
        return Err(format!("is no address; write for example {example}"));
    }
    Ok(None)
}

pub(super) fn protocol(text: &str) -> Checked {
    word(text, &["http/protobuf", "grpc"])
}

pub(super) fn compression(text: &str) -> Checked {
    word(text, &["gzip", "none"])
}

pub(super) fn count(text: &str) -> Checked {
    match text.parse::<u32>() {
        Ok(_) => Ok(None),
        Err(_) => Err(format!("{text:?} is no whole number; the default holds")),
    }
}

/// A number from 1 on.
pub(super) fn some(text: &str) -> Checked {
    match text.parse::<u32>() {
        Ok(1..) => Ok(None),
        _ => Err(format!(
            "{text:?} is no whole number from 1 on; the default holds"
        )),
    }
}

pub(super) fn millis(text: &str) -> Checked {
    some(text)
}

pub(super) fn resource(text: &str) -> Checked {
    good(members(text))
}

pub(super) fn header_list(text: &str) -> Checked {
    good(headers(text))
}

/// The pairs of a list such as `key=value,key=value`, values percent-decoded.
///
/// # Errors
///
/// What is wrong, without the text: a whole list with one fault is discarded,
/// as the specification asks.
pub fn members(list: &str) -> Result<Vec<(String, String)>, String> {
    let members = list.split(',').map(str::trim);
    let pair = |(index, member): (usize, &str)| {
        let pair = member.split_once('=').and_then(|(key, value)| {
            let (key, value) = (percent::decode(key.trim())?, percent::decode(value.trim())?);
            (!key.is_empty()).then_some((key, value))
        });
        pair.ok_or_else(|| {
            let number = index + 1;
            format!("member {number} is no key=value in percent-encoding; none is used")
        })
    };
    let written = members.enumerate().filter(|(_, member)| !member.is_empty());
    written.map(pair).collect()
}

/// The headers of a list such as `name=value,name=value`, values percent-decoded.
///
/// # Errors
///
/// What is wrong, without the text.
pub fn headers(list: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let header = |(index, (name, value)): (usize, (String, String))| {
        let name = name.parse::<HeaderName>().ok();
        let value = HeaderValue::from_str(&value).ok();
        name.zip(value).ok_or_else(|| {
            let number = index + 1;
            format!("member {number} is no header; none is used")
        })
    };
    let members = members(list)?;
    members.into_iter().enumerate().map(header).collect()
}
