//! Lines about the service's own life: listening, draining, the closing ledger.

use std::time::SystemTime;

use plimsoll_core::names::key;

use super::Format;
use super::json::Line;

const TARGET: &str = "plimsoll";

pub(crate) fn write(
    out: &mut String,
    format: Format,
    service: &str,
    time: SystemTime,
    message: &str,
    fields: &[(&str, String)],
) {
    match format {
        Format::Json => {
            let mut line = Line::new(out);
            line.display(key::TIME, humantime::format_rfc3339_micros(time));
            line.text(key::LEVEL, "INFO");
            line.text(key::TARGET, TARGET);
            line.text(key::MESSAGE, message);
            line.text(key::SERVICE, service);
            for (name, value) in fields {
                // A report is JSON already and is read by machines as such.
                if value.starts_with('{') {
                    line.raw(name, value);
                } else {
                    line.text(name, value);
                }
            }
            line.end();
        }
        Format::Pretty => {
            use std::fmt::Write as _;
            let time = humantime::format_rfc3339_millis(time);
            let _ = write!(out, "{time} INFO  {message}");
            for (name, value) in fields {
                let _ = write!(out, " {name}={value}");
            }
            out.push('\n');
        }
    }
}

pub(crate) fn event(message: &str, fields: &[(&str, String)]) {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    tracing::info!(target: "plimsoll", fields = fields.join(" "), "{message}");
}
