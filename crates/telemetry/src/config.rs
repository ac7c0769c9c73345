//! What the caller may choose, and what `OTEL_*` says.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::traces::{Batching, Otlp, Root, Sampler};

/// Whether a signal is ours, the host's, or nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// We make it and, on `install`, take the process's global for it.
    #[default]
    Own,
    /// The host has it; what we know is added to it and no global is taken.
    Join,
    /// Nothing is made.
    Off,
}

/// A word that is none of `own`, `join`, `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOwnership(String);

impl fmt::Display for UnknownOwnership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of own, join, off", self.0)
    }
}

impl std::error::Error for UnknownOwnership {}

impl FromStr for Ownership {
    type Err = UnknownOwnership;

    fn from_str(word: &str) -> Result<Self, UnknownOwnership> {
        match word {
            "own" => Ok(Self::Own),
            "join" => Ok(Self::Join),
            "off" => Ok(Self::Off),
            _ => Err(UnknownOwnership(word.into())),
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "own",
            Self::Join => "join",
            Self::Off => "off",
        })
    }
}

/// A setting that could not be used; the service runs on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The variable or key.
    pub setting: String,
    /// What is wrong and what was done instead.
    pub problem: String,
}

impl Warning {
    /// A warning about `setting`.
    pub fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

/// Reads `OTEL_*` as the OpenTelemetry specification's environment variables:
/// empty means unset, a bad value warns and is ignored. `None` when nothing is
/// to be exported.
pub(crate) fn otlp(
    env: &dyn Fn(&str) -> Option<String>,
    endpoint: Option<String>,
    ratio: Option<f64>,
    keep: bool,
    warnings: &mut Vec<Warning>,
) -> Option<Otlp> {
    let get = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    match get("OTEL_TRACES_EXPORTER").as_deref() {
        None | Some("otlp") => {}
        Some("none") => return None,
        Some(other) => warnings.push(Warning::new(
            "OTEL_TRACES_EXPORTER",
            format!("{other:?} is neither otlp nor none; otlp is used"),
        )),
    }
    let own = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let general = || {
        let base = get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    };
    let endpoint = endpoint.or(own).or_else(general)?;
    let protocol =
        get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| get("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(protocol) = protocol.filter(|protocol| protocol != "http/protobuf") {
        warnings.push(Warning::new(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            format!("{protocol:?} is not in this build; http/protobuf is used"),
        ));
    }
    let mut number = |name: &str, default: u64| match get(name).map(|value| value.trim().parse()) {
        None => default,
        Some(Ok(value)) => value,
        Some(Err(_)) => {
            warnings.push(Warning::new(
                name,
                format!("is no whole number; {default} is used"),
            ));
            default
        }
    };
    let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048).clamp(1, 1 << 20) as usize;
    let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512).clamp(1, queue as u64) as usize;
    Some(Otlp {
        endpoint,
        timeout: Duration::from_millis(number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000)),
        batching: Batching {
            queue,
            batch,
            delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000)),
        },
        sampler: match ratio {
            Some(ratio) => Sampler::by_parent(Root::Ratio(ratio)),
            None => sampler(&get, warnings),
        },
        keep,
    })
}

/// `OTEL_TRACES_SAMPLER` and its argument.
fn sampler(get: &dyn Fn(&str) -> Option<String>, warnings: &mut Vec<Warning>) -> Sampler {
    let Some(name) = get("OTEL_TRACES_SAMPLER") else {
        return Sampler::default();
    };
    let by_parent = name.strip_prefix("parentbased_");
    let root = match by_parent.unwrap_or(&name) {
        "always_on" => Root::On,
        "always_off" => Root::Off,
        "traceidratio" => {
            let text = get("OTEL_TRACES_SAMPLER_ARG").unwrap_or_else(|| "1".into());
            let ratio = text.trim().parse();
            let ratio = ratio.ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            Root::Ratio(ratio.unwrap_or_else(|| {
                let problem = format!("{text:?} is no number from 0 to 1; 1 is used");
                warnings.push(Warning::new("OTEL_TRACES_SAMPLER_ARG", problem));
                1.0
            }))
        }
        _ => {
            let problem = format!(
                "{name:?} is not in this version; parentbased_always_on is used. Write always_on, always_off or traceidratio, each also with parentbased_ before it"
            );
            warnings.push(Warning::new("OTEL_TRACES_SAMPLER", problem));
            return Sampler::default();
        }
    };
    Sampler {
        root,
        by_parent: by_parent.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Option<Otlp>, Vec<Warning>) {
        let mut warnings = Vec::new();
        let env = |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        (otlp(&env, None, None, true, &mut warnings), warnings)
    }

    #[test]
    fn nothing_is_exported_until_an_endpoint_is_named() {
        assert_eq!(read(&[]), (None, vec![]));
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        let (otlp, warnings) = read(&[endpoint]);
        assert_eq!(otlp.unwrap().endpoint, "http://127.0.0.1:4318/v1/traces");
        assert!(warnings.is_empty());
        assert_eq!(read(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]).0, None);
        assert_eq!(read(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).0, None);
    }

    #[test]
    fn a_bad_value_warns_by_name_and_the_default_holds() {
        let (otlp, warnings) = read(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/x"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ]);
        let otlp = otlp.unwrap();
        assert_eq!(
            (otlp.endpoint.as_str(), otlp.batching.queue),
            ("http://c/x", 2_048)
        );
        let named: Vec<_> = warnings
            .iter()
            .map(|warning| warning.setting.as_str())
            .collect();
        assert_eq!(
            named,
            ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_BSP_MAX_QUEUE_SIZE"]
        );
    }
}
