//! Scalars with a meaning: names, targets, periods, addresses.

use rust_decimal::Decimal;

use super::fields::Text;
use super::sink::Sink;
use crate::model::Period;

/// RFC 1123 label, at most 63 characters.
pub(super) fn dns_label(text: Text<'_>, what: &str, sink: &Sink<'_>) {
    let name = text.text;
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let valid = (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !valid {
        sink.report(
            text.at,
            format!("{what} `{name}` is not a DNS label"),
            "use 1 to 63 of a-z, 0-9 and -, with no - at either end",
        );
    }
}

/// An exact decimal strictly between 0 and 1.
pub(super) fn share(text: Text<'_>, scale: u32, sink: &Sink<'_>) -> Option<Decimal> {
    let unit = if scale == 0 { "0 and 1" } else { "0 and 100" };
    let written = Decimal::from_str_exact(text.text).ok();
    let share = written.and_then(|value| value.checked_mul(Decimal::new(1, scale)));
    match share {
        Some(share) if share > Decimal::ZERO && share < Decimal::ONE => {
            if share.normalize().scale() <= MAX_DECIMALS {
                return Some(share.normalize());
            }
            sink.report(
                text.at,
                format!(
                    "target {} has more than {MAX_DECIMALS} decimal places",
                    text.text
                ),
                "round it",
            );
        }
        Some(_) => sink.report(
            text.at,
            format!("target {} is not strictly between {unit}", text.text),
            "a target of all or nothing leaves no budget to measure",
        ),
        None => sink.report(
            text.at,
            format!("target `{}` is not a decimal number", text.text),
            "write it like 0.99",
        ),
    }
    None
}

/// A budget below one in a billion cannot be measured, let alone held.
const MAX_DECIMALS: u32 = 9;

/// A rolling period in days or weeks.
pub(super) fn period(text: Text<'_>, sink: &Sink<'_>) -> Option<Period> {
    let days = text
        .text
        .strip_suffix('d')
        .and_then(|days| days.parse().ok())
        .or_else(|| {
            let weeks: u32 = text.text.strip_suffix('w')?.parse().ok()?;
            weeks.checked_mul(7)
        });
    let period = days.and_then(Period::from_days);
    if period.is_none() {
        sink.report(
            text.at,
            format!(
                "duration `{}` is not {} to {} whole days",
                text.text,
                Period::MIN_DAYS,
                Period::MAX_DAYS
            ),
            "write days or weeks, like 30d or 4w; months and years differ in length",
        );
    }
    period
}

/// `true` or `false`, unquoted or not.
pub(super) fn is_true(text: Text<'_>, name: &str, sink: &Sink<'_>) -> bool {
    match text.text {
        "true" => true,
        "false" => false,
        other => {
            sink.report(
                text.at,
                format!("`{name}` is `{other}`, not true or false"),
                "write true",
            );
            // Already reported; going on as if true adds no second fault.
            true
        }
    }
}

/// An absolute address: a relative one is a dead link in a page.
pub(super) fn address(text: Text<'_>, sink: &Sink<'_>) {
    if !["http://", "https://"]
        .iter()
        .any(|scheme| text.text.starts_with(scheme))
    {
        sink.report(
            text.at,
            format!("runbook `{}` is not an absolute address", text.text),
            "begin it with https://",
        );
    }
}
