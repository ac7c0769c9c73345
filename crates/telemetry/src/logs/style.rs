//! What all lines of an instance share.

use plimsoll_core::names::key;
use plimsoll_core::{Clock, Outcome, Record};
use tracing::Level;

use super::Format;
use super::json::{Line, key};
use super::stamp::stamp;
use super::write::{float, quote};

/// How lines are written, by whom, and which requests get one.
pub(crate) struct Style {
    pub(crate) format: Format,
    /// Only on a terminal.
    pub(crate) colour: bool,
    pub(crate) clock: Clock,
    pub(crate) service: String,
    /// `,"service":"card-service"`
    pub(super) service_json: Box<[u8]>,
    pub(crate) sample: Sample,
}

impl Style {
    pub(crate) fn new(
        format: Format,
        colour: bool,
        clock: Clock,
        service: &str,
        sample: Sample,
    ) -> Self {
        let mut service_json = key!(key::SERVICE).to_vec();
        quote(&mut service_json, service);
        Self {
            format,
            colour,
            clock,
            service: service.into(),
            service_json: service_json.into(),
            sample,
        }
    }

    /// Begins a line with what every line begins with.
    pub(crate) fn line<'a>(
        &self,
        out: &'a mut Vec<u8>,
        reading: u64,
        level: Level,
        target: &str,
        message: &str,
    ) -> Line<'a> {
        let mut line = Line::new(out);
        let time = stamp(&self.clock, reading);
        line.text(key::TIME, std::str::from_utf8(&time).unwrap_or_default());
        line.text(key::LEVEL, level.as_str());
        line.text(key::TARGET, target);
        line.text(key::MESSAGE, message);
        line.text(key::SERVICE, &self.service);
        line
    }

    /// Begins a line of Plimsoll's own, about itself.
    pub(super) fn own_line<'a>(
        &self,
        out: &'a mut Vec<u8>,
        level: Level,
        message: &str,
    ) -> Line<'a> {
        self.line(out, self.clock.now(), level, super::life::TARGET, message)
    }
}

/// Which requests that succeeded get a line: a share of the traces, the same
/// ones that a trace sampler of that ratio keeps.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Of the 63 low bits of a trace id.
    below: u64,
    /// `,"weight":100`; empty when every line is written.
    weight_json: Box<[u8]>,
    /// How many requests a line stands for.
    weight: f64,
}

impl Sample {
    /// This share of them, 0 to 1.
    pub(crate) fn new(share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        let weight = if share > 0.0 { 1.0 / share } else { 1.0 };
        let mut weight_json = Vec::new();
        if share < 1.0 {
            weight_json.extend_from_slice(key!(key::WEIGHT));
            float(&mut weight_json, weight);
        }
        Self {
            below: (share * (1_u64 << 63) as f64) as u64,
            weight_json: weight_json.into(),
            weight,
        }
    }

    /// Whether the request's line is written. Everything but a success that was
    /// not slow is.
    pub(crate) fn takes(&self, record: &Record) -> bool {
        self.weight_json.is_empty()
            || !Self::concerns(record)
            || (record.ids.trace_id.0 as u64) >> 1 < self.below
    }

    fn concerns(record: &Record) -> bool {
        record.outcome == Some(Outcome::Success) && record.keep.is_none()
    }

    /// What the line says of it.
    pub(super) fn weight_json(&self, record: &Record) -> &[u8] {
        if self.weight_json.is_empty() || !Self::concerns(record) {
            return &[];
        }
        &self.weight_json
    }

    /// How many requests the line of this one stands for, unless all are written.
    pub(super) fn weight(&self, record: &Record) -> Option<f64> {
        let sampled = !self.weight_json(record).is_empty();
        sampled.then_some(self.weight)
    }
}

/// A level, five letters wide, for people.
pub(super) fn level(out: &mut Vec<u8>, level: Level, colour: bool) {
    let code: &[u8] = match level {
        Level::ERROR => b"31",
        Level::WARN => b"33",
        Level::INFO => b"32",
        Level::DEBUG => b"34",
        Level::TRACE => b"35",
    };
    if colour {
        out.extend_from_slice(b"\x1b[");
        out.extend_from_slice(code);
        out.push(b'm');
    }
    out.extend_from_slice(level.as_str().as_bytes());
    if colour {
        out.extend_from_slice(b"\x1b[0m");
    }
    if level.as_str().len() < 5 {
        out.push(b' ');
    }
}
