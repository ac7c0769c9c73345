//! What holds, and who said so: settings and OpenTelemetry variables in one list.

use std::fmt::Write as _;

use super::{ALL, Setting, Settings, Source};
use crate::otel::{self, Otel};

/// Stands for a secret that is set.
const MASK: &str = "********";

/// One value that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Key of the file, or name of the variable where there is no key.
    pub key: &'static str,
    /// The variable that sets it.
    pub variable: String,
    /// The value; a secret is masked.
    pub value: String,
    /// The value without any setting.
    pub default: &'static str,
    /// `default`, `code`, `file` or `environment`.
    pub source: &'static str,
    /// Whether the value must not be shown.
    pub secret: bool,
    /// What it does, for people.
    pub help: &'static str,
}

/// Every setting and every OpenTelemetry variable. `code` is what the program
/// itself says of a key or variable, where that is known.
pub fn effective(
    settings: &Settings,
    otel: &Otel,
    code: impl Fn(&str) -> Option<String>,
) -> Vec<Effective> {
    let of_code = |key: &str, default: &str| code(key).filter(|value| value != default);
    let own = ALL.iter().map(|setting| {
        let (value, source) = match settings.source(setting.key) {
            Some(Source::File) => (settings.get(setting.key).map(str::to_owned), "file"),
            Some(Source::Env) => (settings.get(setting.key).map(str::to_owned), "environment"),
            None => match of_code(setting.key, setting.default) {
                Some(value) => (Some(value), "code"),
                None => (Some(setting.default.to_owned()), "default"),
            },
        };
        let value = value.unwrap_or_default();
        Effective {
            key: setting.key,
            variable: variable(setting),
            value: if setting.secret && !value.is_empty() {
                MASK.into()
            } else {
                value
            },
            default: setting.default,
            source,
            secret: setting.secret,
            help: setting.help,
        }
    });
    let of_otel = otel::ALL.iter().map(|it| {
        let (value, source) = match (otel.shown(it), of_code(it.name, it.default)) {
            (Some(value), _) => (value, "environment"),
            (None, Some(value)) => (otel::public(&value), "code"),
            (None, None) => (it.default.to_owned(), "default"),
        };
        Effective {
            key: it.name,
            variable: it.name.into(),
            value,
            default: it.default,
            source,
            secret: it.secret,
            help: it.help,
        }
    });
    own.chain(of_otel).collect()
}

fn variable(setting: &Setting) -> String {
    format!("PLIMSOLL_{}", setting.key.to_ascii_uppercase())
}

/// The list as a table for people, a line each.
pub fn table(all: &[Effective]) -> String {
    let width = |of: fn(&Effective) -> &str| {
        let widths = all.iter().map(|it| of(it).chars().count());
        widths.max().unwrap_or(0)
    };
    let (keys, values) = (width(|it| it.key), width(|it| &it.value));
    let mut out = String::new();
    for it in all {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:<keys$}  {:<values$}  {:<11}  {}",
            it.key, it.value, it.source, it.help
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_the_highest_source_that_set_it_and_no_secret_is_shown() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let env = [
            ("PLIMSOLL_LOG", "debug"),
            ("PLIMSOLL_CONTROL_TOKEN", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ];
        let env: Vec<_> = env.into_iter().map(pair).collect();
        let (settings, _) = Settings::read(Some("timeout = \"2s\"\n"), env.clone());
        let (otel, _) = Otel::read(env);
        let code = |key: &str| match key {
            "timeout" | "drain" => Some("7s".to_owned()),
            "OTEL_SERVICE_NAME" => Some("cards".to_owned()),
            "wait" => Some("5s".to_owned()),
            _ => None,
        };
        let all = effective(&settings, &otel, code);
        let of = |key: &str| {
            let found = all.iter().find(|it| it.key == key).unwrap();
            (found.value.as_str(), found.source)
        };
        assert_eq!(of("timeout"), ("2s", "file"));
        assert_eq!(of("drain"), ("7s", "code"));
        assert_eq!(of("wait"), ("5s", "default"));
        assert_eq!(of("log"), ("debug", "environment"));
        assert_eq!(of("OTEL_SERVICE_NAME"), ("cards", "code"));
        assert_eq!(of("OTEL_BSP_SCHEDULE_DELAY"), ("20", "environment"));
        assert_eq!(of("OTEL_BSP_MAX_QUEUE_SIZE"), ("2048", "default"));
        assert_eq!(of("OTEL_EXPORTER_OTLP_HEADERS"), (MASK, "environment"));
        assert_eq!(all.len(), ALL.len() + otel::ALL.len());
        assert!(!table(&all).contains("hunter2"));
    }
}
