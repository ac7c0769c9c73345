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

mod check;
mod effective;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub use self::check::{LIMIT_HEADERS, list, modes};
use self::check::{
    address, aliases, any, body_limit, concurrency, duration, errors_types, flight_bytes, grace,
    header_name, headers, limit_deadline, limit_headers, lines_per_second, log_format, mode,
    ownership, parses, query, ratio, series, shape, switch, timeout, triggers,
};
pub use self::effective::{Effective, effective, table};
use crate::criticality::{Shares, Trigger};
use crate::nearest::distance;
use crate::peer::{Forwarding, Trust};

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
pub const ALL: &[Setting] = &[
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
        "proxies whose headers are believed: CIDRs, private, loopback, and hops=N for a counted chain",
        parses::<Trust>,
    ),
    setting(
        "trust_header",
        "x-forwarded-for",
        "the one header they tell the client by: x-forwarded-for, forwarded or a vendor's own",
        parses::<Forwarding>,
    ),
    setting(
        "limit_headers",
        "draft-11",
        "how limits are told: draft-11, draft-7, x-ratelimit or off",
        limit_headers,
    ),
    setting(
        "limit_jitter",
        "0.125",
        "up to which share of itself a wait is told longer, 0 to 1, so that refused clients do not return together",
        ratio,
    ),
    setting(
        "limit_partition",
        "off",
        "whether the fields tell which of a client's quotas they speak of (pk): on or off",
        switch,
    ),
    Setting {
        secret: true,
        ..setting(
            "limit_secret",
            "",
            "what the keys of limit_partition are made with; the same in all processes, else each draws its own",
            any,
        )
    },
    setting("timeout", "10s", "longest time to a response head", timeout),
    setting(
        "body_limit",
        "2097152",
        "largest declared request body in bytes",
        body_limit,
    ),
    setting(
        "concurrency",
        "1024",
        "most requests in flight",
        concurrency,
    ),
    setting(
        "shed_shares",
        "0.5,0.75,0.9",
        "share of them that sheddable, sheddable_plus and critical requests may use",
        parses::<Shares>,
    ),
    setting(
        "pressure_memory",
        "0.85,0.95",
        "share of the memory limit from which on lower levels get fewer of them, and where nothing is left; or off",
        parses::<Trigger>,
    ),
    setting(
        "pressure_delay",
        "0.05,0.5",
        "seconds of delay of the runtime from which on they do, and where it is saturated; or off",
        parses::<Trigger>,
    ),
    setting(
        "criticality_header",
        "",
        "request header in which trusted callers say how critical it is, such as x-criticality",
        header_name,
    ),
    Setting {
        secret: true,
        ..setting(
            "limit_redis",
            "",
            "address of the Redis or Valkey that counts the shared limits, such as redis://host:6379; without it each process counts for itself",
            any,
        )
    },
    setting(
        "limit_deadline",
        "10ms",
        "longest time that a request waits for it",
        limit_deadline,
    ),
    setting(
        "deadline_header",
        "",
        "request header in which trusted callers say how many milliseconds they wait, such as x-request-timeout-ms",
        header_name,
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
        grace,
    ),
    setting(
        "log",
        "info",
        "which events are logged, in the syntax of RUST_LOG",
        any,
    ),
    setting("log_format", "auto", "auto, json or pretty", log_format),
    setting(
        "flight",
        "on",
        "whether a request's quiet events are kept and written if it ends badly: on or off",
        switch,
    ),
    setting(
        "flight_targets",
        "trace",
        "which events are kept, in the syntax of RUST_LOG without spans and fields",
        any,
    ),
    setting(
        "flight_triggers",
        "failure,panic,timeout,disconnect,slow",
        "which endings have them written, or none",
        triggers,
    ),
    setting(
        "flight_bytes",
        "16384",
        "bytes of events kept per request, 1024 to 524288",
        flight_bytes,
    ),
    setting(
        "flight_lines",
        "1000",
        "most lines a second that all requests write of them",
        parses::<u64>,
    ),
    setting(
        "log_callsite",
        "100",
        "lines a second that one callsite may write, ten seconds' worth at once; or off",
        lines_per_second,
    ),
    setting(
        "log_success_sample",
        "1",
        "share of successes whose request line is written, 0 to 1",
        ratio,
    ),
    setting(
        "log_headers",
        "",
        "request headers shown on the line and the span, by name, parted by commas",
        headers,
    ),
    setting(
        "log_query",
        "",
        "query parameters shown there, by name, parted by commas",
        query,
    ),
    setting("logs", "own", "own, join or off", ownership),
    setting("metrics", "own", "own, join or off", ownership),
    setting("traces", "own", "own, join or off", ownership),
    setting("sentry", "own", "own, join or off", ownership),
    setting(
        "trace_filter",
        "info",
        "which spans and events of the application go into traces, in the syntax of RUST_LOG without spans and fields",
        any,
    ),
    setting(
        "sample_ratio",
        "1",
        "share of root spans kept, 0 to 1",
        ratio,
    ),
    setting(
        "metrics_series",
        "10000",
        "most series of requests and of the application; the excess is folded",
        series,
    ),
    setting(
        "metrics_series_per_metric",
        "2000",
        "most label sets of one metric",
        series,
    ),
    setting(
        "metrics_sizes",
        "false",
        "histograms of body sizes, true or false",
        parses::<bool>,
    ),
    setting(
        "aliases",
        "",
        "names of other crates written too: axum-prometheus",
        aliases,
    ),
    setting(
        "lean",
        "false",
        "whether unsampled requests go without the application's spans: true or false",
        parses::<bool>,
    ),
    setting(
        "keep",
        "true",
        "whether the span of a failed or slow request is exported although it was not sampled",
        parses::<bool>,
    ),
    setting(
        "shape",
        "ours",
        "whose failures take the shape: ours (Plimsoll's and axum's) or all (bare ones of other layers too)",
        shape,
    ),
    setting(
        "errors_types",
        "own",
        "type of a limit's refusals: own (the page of the code) or iana (what the draft of the RateLimit fields registers)",
        errors_types,
    ),
    setting(
        "errors_base",
        "/errors",
        "public address of the pages of the error codes",
        any,
    ),
    setting(
        "errors_seen",
        "",
        "file to which each error code is appended with its route, for `plimsoll errors coverage`",
        any,
    ),
];

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
#[derive(Clone, Default, PartialEq, Eq)]
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
        match file.map(|file| (file, file.parse::<toml::Table>())) {
            None => {}
            Some((_, Ok(table))) => {
                for (key, value) in &table {
                    let text = match value {
                        toml::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    let name = format!("{key} in {FILE}");
                    settings.set(key, name, text, Source::File, &mut faults);
                }
            }
            Some((file, Err(error))) => faults.push(syntax(file, &error)),
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

impl fmt::Debug for Settings {
    /// Without the values of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |key: &str| ALL.iter().any(|known| known.key == key && known.secret);
        let shown = self.0.iter().map(|(key, (text, from))| {
            let text = if secret(key) { "(secret)" } else { text };
            (key, (text, from))
        });
        f.debug_map().entries(shown).finish()
    }
}

/// What is wrong with the file as TOML. The parser's own text would quote the
/// line, and with it a token whose quotes were forgotten.
fn syntax(file: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| file.get(..span.start));
    let line = before.map_or_else(String::new, |before| {
        format!(" line {}", before.matches('\n').count() + 1)
    });
    Fault {
        setting: format!("{FILE}{line}"),
        problem: format!(
            "{}; no setting of the file was read",
            error.message().trim_end()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{Mode, Part};
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
    fn a_secret_stands_in_no_fault_and_in_no_debug_text() {
        for line in [
            "control_token = hunter2",
            "control_token = \"hunter2",
            "control_token = hunter2\"",
            "control_token = 'hunter2' hunter2",
            "control_token: hunter2",
            "control_token = [\"hunter2\", hunter2]",
            "control_token = { a = hunter2 }",
            "control_token = \"\\hunter2\"",
            "control_token hunter2",
            "control_token = \"hunter2\"\ncontrol_token = \"hunter2\"",
        ] {
            let file = format!("mode = \"observe\"\n{line}\n");
            let (settings, faults) = Settings::read(Some(&file), []);
            assert!(settings.0.is_empty(), "{line}");
            assert_eq!(faults.len(), 1, "{line}");
            let told = faults[0].to_string();
            assert!(told.starts_with("plimsoll.toml line "), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        let unquoted = "\n\ncontrol_token = abc\n";
        let fault = Settings::read(Some(unquoted), []).1.remove(0);
        assert_eq!(fault.setting, "plimsoll.toml line 3");

        let env = [("PLIMSOLL_CONTROL_TOKEN".into(), "hunter2".into())];
        let (settings, _) = Settings::read(None, env);
        assert_eq!(settings.get("control_token"), Some("hunter2"));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_is_switched_off_by_zero() {
        for (key, zero, fix) in [
            ("concurrency", "0", "concurrency=off"),
            ("timeout", "0s", "timeout=off"),
            ("timeout", "0ms", "timeout=off"),
            ("body_limit", "0", "shape=off"),
            ("grace", "0s", "what the platform gives"),
            ("log_callsite", "0", "or off"),
        ] {
            let name = format!("PLIMSOLL_{}", key.to_uppercase());
            let (settings, faults) = Settings::read(None, [(name, zero.into())]);
            assert_eq!(settings.get(key), None);
            assert!(faults[0].problem.contains(fix), "{}", faults[0]);
        }
        let (settings, faults) = Settings::read(Some("wait = \"0s\"\nconcurrency = 1\n"), []);
        assert_eq!((faults.len(), settings.get("wait")), (0, Some("0s")));
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
