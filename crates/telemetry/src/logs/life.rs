//! Lines about the service's own life: listening, draining, the closing ledger.

use tracing::Level;

use super::style::Style;
use super::{Format, pretty};

/// Target of Plimsoll's lines about itself.
pub(super) const TARGET: &str = "plimsoll";

pub(crate) fn write(
    out: &mut Vec<u8>,
    style: &Style,
    level: Level,
    message: &str,
    fields: &[(&str, String)],
) {
    match style.format {
        Format::Json => {
            let mut line = style.own_line(out, level, message);
            for (name, value) in fields {
                // A report is JSON already and is read by machines as such.
                if value.starts_with('{') {
                    line.raw(name, value.as_bytes());
                } else {
                    line.text(name, value);
                }
            }
            line.end();
        }
        Format::Pretty => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            pretty::own(out, style, level, message, &fields);
        }
    }
}

pub(crate) fn event(level: Level, message: &str, fields: &[(&str, String)]) {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let fields = fields.join(" ");
    if level == Level::INFO {
        tracing::info!(target: TARGET, fields, "{message}");
    } else {
        tracing::warn!(target: TARGET, fields, "{message}");
    }
}
