//! What an operator may set from outside: `plimsoll.toml` below `PLIMSOLL_*`.
//!
//! Reading never fails: a fault is a [`Fault`] that says where, what and how to
//! mend it, and the setting keeps the value below. A service warns of faults and
//! runs; `plimsoll config check --strict` refuses them.
//!
//! ```
//! use plimsoll_core::settings::Settings;
//!
//! let file = "timeout = \"2s\"\nmode = \"observe\"\n";
//! let env = [("PLIMSOLL_MODE".to_owned(), "enforce".to_owned())];
//! let (settings, faults) = Settings::read(Some(file), env);
//! assert_eq!(settings.get("mode"), Some("enforce"));
//! assert_eq!(settings.duration("timeout").unwrap().as_secs(), 2);
//! assert!(faults.is_empty());
//!
//! let env = [("PLIMSOLL_TIMOUT".to_owned(), "2s".to_owned())];
//! let (_, faults) = Settings::read(None, env);
//! assert!(faults[0].to_string().contains("PLIMSOLL_TIMEOUT"));
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::mode::{Mode, Part};
use crate::peer::Trust;

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key in `plimsoll.toml`; the variable is `PLIMSOLL_` and the key in upper case.
    pub key: &'static str,
    /// The value without any setting, as text.
    pub default: &'static str,
    /// What it does, for people.
    pub help: &'static str,
    /// Whether the value must not be shown.
    pub secret: bool,
    check: fn(&str) -> Result<(), String>,
}

const fn setting(
    key: &'static str,
    default: &'static str,
    help: &'static str,
    check: fn(&str) -> Result<(), String>,
) -> Setting {
    Setting {
        key,
        default,
        help,
        secret: false,
        check,
    }
}

/// Every setting, in the order in which it is printed.
pub const ALL: [Setting; 20] = [
    setting(
        "mode",
        "enforce",
        "what the parts may do: off, observe or enforce for all, or `limit=observe,timeout=off`",
        mode,
    ),
    setting(
        "status",
        "127.0.0.1:0",
        "address of probes and metrics, or off",
        address,
    ),
    setting(
        "control",
        "127.0.0.1:0",
        "address of everything that changes things, or off",
        address,
    ),
    Setting {
        secret: true,
        ..setting(
            "control_token",
            "",
            "bearer token of the control listener; needed off loopback",
            any,
        )
    },
    setting(
        "trust",
        "",
        "proxies whose headers are believed: CIDRs, private, loopback",
        parses::<Trust>,
    ),
    setting(
        "timeout",
        "10s",
        "longest time to a response head",
        duration,
    ),
    setting(
        "body_limit",
        "2097152",
        "largest declared request body in bytes",
        parses::<u64>,
    ),
    setting(
        "concurrency",
        "1024",
        "most requests in flight",
        parses::<usize>,
    ),
    setting(
        "wait",
        "5s",
        "time between not ready and closing the listener",
        duration,
    ),
    setting("drain", "18s", "time for requests in flight", duration),
    setting(
        "flush",
        "3s",
        "time for telemetry to be delivered",
        duration,
    ),
    setting(
        "grace",
        "30s",
        "time until the platform kills the process",
        duration,
    ),
    setting(
        "log",
        "info",
        "which events are logged, in the syntax of RUST_LOG",
        any,
    ),
    setting("log_format", "auto", "auto, json or pretty", log_format),
    setting("logs", "own", "own, join or off", ownership),
    setting("metrics", "own", "own, join or off", ownership),
    setting("traces", "own", "own, join or off", ownership),
    setting("sentry", "own", "own, join or off", ownership),
    setting(
        "sample_ratio",
        "1",
        "share of root spans kept, 0 to 1",
        ratio,
    ),
    setting(
        "errors_base",
        "/errors",
        "public address of the pages of the error codes",
        any,
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "the shape of every check")]
fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn parses<T: FromStr>(text: &str) -> Result<(), String>
where
    T::Err: fmt::Display,
{
    text.parse::<T>()
        .map(drop)
        .map_err(|error| error.to_string())
}

fn mode(text: &str) -> Result<(), String> {
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

fn address(text: &str) -> Result<(), String> {
    if text == "off" || text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no address; write for example 127.0.0.1:8081, or off"
    ))
}

fn duration(text: &str) -> Result<(), String> {
    humantime::parse_duration(text)
        .map(drop)
        .map_err(|error| format!("{error}; write for example 10s or 500ms"))
}

fn ratio(text: &str) -> Result<(), String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(()),
        _ => Err(format!("{text:?} is no number from 0 to 1")),
    }
}

fn word(text: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&text) {
        return Ok(());
    }
    Err(format!("{text:?} is none of {}", known.join(", ")))
}

fn ownership(text: &str) -> Result<(), String> {
    word(text, &["own", "join", "off"])
}

fn log_format(text: &str) -> Result<(), String> {
    word(text, &["auto", "json", "pretty"])
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `plimsoll.toml`.
    File,
    /// A `PLIMSOLL_*` variable.
    Env,
}

/// Something set wrongly; the value below it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable, or the key and its file.
    pub setting: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

/// What was set, each value already found good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, (String, Source)>);

/// Name of the file that a service reads from its working directory.
pub const FILE: &str = "plimsoll.toml";

/// The variable that names another file.
pub const FILE_VARIABLE: &str = "PLIMSOLL_CONFIG";

const PREFIX: &str = "PLIMSOLL_";

impl Settings {
    /// Reads the text of a file and the environment, which stands above it.
    /// Variables that do not begin with `PLIMSOLL_` are passed over.
    pub fn read(
        file: Option<&str>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> (Self, Vec<Fault>) {
        let mut settings = Self::default();
        let mut faults = Vec::new();
        match file.map(str::parse::<toml::Table>) {
            None => {}
            Some(Ok(table)) => {
                for (key, value) in &table {
                    let text = match value {
                        toml::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    let name = format!("{key} in {FILE}");
                    settings.set(key, name, text, Source::File, &mut faults);
                }
            }
            Some(Err(error)) => faults.push(Fault {
                setting: FILE.into(),
                problem: error.to_string().trim_end().into(),
            }),
        }
        let mut env: Vec<_> = env.into_iter().collect();
        env.sort();
        for (name, text) in env {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if name == FILE_VARIABLE || text.is_empty() {
                continue;
            }
            let key = key.to_ascii_lowercase();
            settings.set(&key, name, text, Source::Env, &mut faults);
        }
        (settings, faults)
    }

    fn set(
        &mut self,
        key: &str,
        setting: String,
        text: String,
        from: Source,
        faults: &mut Vec<Fault>,
    ) {
        let Some(known) = ALL.iter().find(|known| known.key == key) else {
            let env = from == Source::Env;
            let name = |known: &Setting| {
                let key = known.key;
                if env {
                    format!("{PREFIX}{}", key.to_ascii_uppercase())
                } else {
                    key.into()
                }
            };
            let nearest = ALL.iter().min_by_key(|known| distance(known.key, key));
            let near = nearest
                .filter(|known| distance(known.key, key) <= 3)
                .map(name);
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            faults.push(Fault {
                setting,
                problem: format!("no such setting in this version{hint}"),
            });
            return;
        };
        match (known.check)(&text) {
            Ok(()) => {
                self.0.insert(known.key, (text, from));
            }
            Err(problem) => {
                let problem = if known.secret {
                    "is not usable".into()
                } else {
                    problem
                };
                faults.push(Fault { setting, problem });
            }
        }
    }

    /// The text set for a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|(text, _)| text.as_str())
    }

    /// Where a key was set; `None` is the program's own value.
    pub fn source(&self, key: &str) -> Option<Source> {
        self.0.get(key).map(|(_, from)| *from)
    }

    /// The value set for a key, of a type that the key's text was checked to parse as.
    pub fn parse<T: FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// The duration set for a key.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        humantime::parse_duration(self.get(key)?).ok()
    }
}

/// Edits between two words (Levenshtein), for "did you mean".
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (above, left) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = above + 1;
        for (index, letter) in two.iter().enumerate() {
            let change = corner + usize::from(left != *letter);
            corner = row[index + 1];
            row[index + 1] = change.min(corner + 1).min(row[index] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_default_is_a_value_that_its_own_check_takes() {
        for setting in ALL {
            assert_eq!((setting.check)(setting.default), Ok(()), "{}", setting.key);
        }
    }

    #[test]
    fn all_faults_are_told_at_once_and_change_nothing() {
        let file = "timeout = \"soon\"\ntimout = \"1s\"\nconcurrency = 7\n";
        let env = [
            ("PLIMSOLL_TRUST".into(), "10.0.0.0/99".into()),
            ("PLIMSOLL_FUTURE_THING".into(), "1".into()),
            ("HOME".into(), "/".into()),
        ];
        let (settings, faults) = Settings::read(Some(file), env);
        let named: Vec<_> = faults.iter().map(|fault| fault.setting.as_str()).collect();
        let expected = [
            "timeout in plimsoll.toml",
            "timout in plimsoll.toml",
            "PLIMSOLL_FUTURE_THING",
            "PLIMSOLL_TRUST",
        ];
        assert_eq!(named, expected);
        assert!(faults[1].problem.contains("did you mean timeout?"));
        assert_eq!(settings.parse::<usize>("concurrency"), Some(7));
        assert_eq!(settings.get("timeout"), None);
    }

    #[test]
    fn modes_are_one_for_all_or_by_part() {
        assert_eq!(modes("observe").unwrap().len(), Part::ALL.len());
        assert_eq!(
            modes("limit=off, drain=enforce").unwrap()[1],
            (Part::Drain, Mode::Enforce)
        );
        assert!(modes("limits=off").unwrap_err().contains("concurrency"));
    }

    proptest! {
        #[test]
        fn no_text_panics(file in ".*", key in "[A-Z_]{0,12}", value in ".*") {
            let env = [(format!("PLIMSOLL_{key}"), value)];
            let _ = Settings::read(Some(&file), env);
        }
    }
}
