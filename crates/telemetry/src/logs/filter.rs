//! Which events become lines, and which the flight recorder takes, from
//! directives in the syntax of `RUST_LOG`.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

use super::access;
use super::levels::Class;

/// The most verbose spans that are kept for the fields on quiet events alone.
const SPANS: Level = Level::INFO;

/// Crates that the flight recorder takes nothing of unless a directive names
/// them: their quiet events tell of every packet, frame, header and statement,
/// at a price, and with things in them that must reach no log. Sorted.
const NOISE: [&str; 52] = [
    "amqprs",
    "aws_config",
    "aws_runtime",
    "aws_sigv4",
    "aws_smithy_http_client",
    "aws_smithy_runtime",
    "aws_smithy_runtime_api",
    "h2",
    "h3",
    "hickory_proto",
    "hickory_resolver",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "isahc",
    "lapin",
    "lettre",
    "log",
    "mio",
    "mongodb",
    "opentelemetry",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "plimsoll",
    "plimsoll_core",
    "plimsoll_errors",
    "plimsoll_health",
    "plimsoll_ratelimit",
    "plimsoll_telemetry",
    "quinn",
    "quinn_proto",
    "rdkafka",
    "redis",
    "reqwest",
    "rustls",
    "sentry",
    "sentry_core",
    "sqlx",
    "sqlx_core",
    "tokio",
    "tokio_postgres",
    "tokio_tungstenite",
    "tokio_util",
    "tonic",
    "tower",
    "tower_http",
    "tungstenite",
    "ureq",
    "ureq_proto",
    "want",
    "x509_parser",
];

/// Directives that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDirectives {
    /// The setting: `log` or `flight`.
    pub setting: &'static str,
    /// The one that is wrong.
    pub directive: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for BadDirectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {}; write for example info,card_service=debug",
            self.directive, self.problem
        )
    }
}

impl std::error::Error for BadDirectives {}

/// What the log's directives say.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one a process, and its size hangs on a feature of tracing-subscriber"
)]
enum Log {
    /// They go by target and level alone, so a callsite is wanted or not for good.
    Plain(Targets),
    /// Some go by a span or a field, which only the moment can tell.
    Dynamic(Box<EnvFilter>),
}

/// What is wanted of the application's events and spans.
#[derive(Debug)]
pub(crate) struct Rules {
    log: Log,
    flight: Option<Targets>,
    /// The most verbose level of any line.
    most: LevelFilter,
    /// The most verbose level at which the request's own line is wanted.
    pub(crate) access: LevelFilter,
}

impl Rules {
    /// Reads directives; `flight` of `None` is a recorder that is off.
    pub(crate) fn parse(log: &str, flight: Option<&str>) -> Result<Self, BadDirectives> {
        let env = env_filter(log)?;
        let plain = !log.contains(['[', '{']) && !log.trim().is_empty();
        let targets = plain.then(|| log.parse::<Targets>().ok()).flatten();
        let most = env.max_level_hint().unwrap_or(LevelFilter::TRACE);
        let (log, access) = match targets {
            Some(targets) => {
                let access = access_level(&targets);
                (Log::Plain(without_sdk(targets)), access)
            }
            // Directives by span or field say nothing of a line outside all spans.
            None => (Log::Dynamic(Box::new(env)), most),
        };
        Ok(Self {
            log,
            flight: flight.map(flight_targets).transpose()?,
            most,
            access,
        })
    }

    /// What holds where the directives cannot be read.
    pub(crate) fn fallback(flight: bool) -> Self {
        Self {
            log: Log::Plain(without_sdk(Targets::new().with_default(Level::INFO))),
            flight: flight.then(|| Targets::new().with_default(Level::TRACE)),
            most: LevelFilter::INFO,
            access: LevelFilter::INFO,
        }
    }

    /// The filter to be asked with the moment's spans, if there are such directives.
    pub(crate) fn dynamic(&self) -> Option<&EnvFilter> {
        match &self.log {
            Log::Plain(_) => None,
            Log::Dynamic(filter) => Some(filter),
        }
    }

    /// Whether an event is a line; `None` when the moment's spans decide.
    pub(crate) fn is_line(&self, target: &str, level: Level) -> Option<bool> {
        match &self.log {
            Log::Plain(targets) => Some(targets.would_enable(target, &level)),
            Log::Dynamic(_) => None,
        }
    }

    /// Whether the flight recorder wants it.
    pub(crate) fn is_recorded(&self, metadata: &Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), *metadata.level());
        (metadata.is_event() || level <= SPANS) && self.is_quiet(target, level)
    }

    /// Whether the flight recorder wants an event.
    pub(crate) fn is_quiet(&self, target: &str, level: Level) -> bool {
        self.flight.as_ref().is_some_and(|targets| {
            targets.would_enable(target, &level) && (!is_noise(target) || is_named(targets, target))
        })
    }

    /// Whether a callsite is wanted now and for ever, never, or must be asked.
    pub(crate) fn interest(&self, metadata: &'static Metadata<'static>) -> Interest {
        let line = match &self.log {
            Log::Plain(targets) => {
                let wanted = targets.would_enable(metadata.target(), metadata.level());
                if wanted {
                    Interest::always()
                } else {
                    Interest::never()
                }
            }
            // Asked in any case: it prepares what it needs to match spans.
            Log::Dynamic(filter) => {
                use tracing_subscriber::layer::Filter;
                Filter::<tracing_subscriber::Registry>::callsite_enabled(&**filter, metadata)
            }
        };
        if self.is_recorded(metadata) {
            return Interest::always();
        }
        line
    }

    /// What becomes of the events of a callsite.
    pub(crate) fn class(&self, metadata: &Metadata<'_>) -> Class {
        match self.is_line(metadata.target(), *metadata.level()) {
            None => Class::Asks,
            Some(true) => Class::Line,
            Some(false) if self.is_recorded(metadata) => Class::Quiet,
            Some(false) => Class::Neither,
        }
    }

    /// The most verbose level of what the flight recorder wants.
    pub(crate) fn most_recorded(&self) -> LevelFilter {
        self.flight.as_ref().map_or(LevelFilter::OFF, most_of)
    }

    /// The most verbose level of anything wanted.
    pub(crate) fn max_level(&self) -> LevelFilter {
        self.most.max(self.most_recorded())
    }
}

/// Reads one directive after the other, so that a fault can be told by name.
fn env_filter(directives: &str) -> Result<EnvFilter, BadDirectives> {
    let builder = EnvFilter::builder().with_regex(false);
    if let Ok(filter) = builder.parse(directives) {
        return Ok(filter);
    }
    let parts = directives.split(',').map(str::trim);
    let mut bad = parts.filter_map(|part| {
        let error = part
            .parse::<tracing_subscriber::filter::Directive>()
            .err()?;
        Some((part, error.to_string()))
    });
    let (directive, problem) = bad
        .next()
        .unwrap_or((directives, "cannot be read as a whole".into()));
    Err(BadDirectives {
        setting: "log",
        directive: directive.into(),
        problem,
    })
}

/// The SDK's own events below `WARN` are no lines unless they are asked for.
fn without_sdk(targets: Targets) -> Targets {
    let named = targets.iter().any(|(target, _)| target.starts_with(SDK));
    if named || !targets.would_enable(SDK, &Level::INFO) {
        return targets;
    }
    targets.with_target(SDK, Level::WARN)
}

/// How the targets of OpenTelemetry's crates begin.
const SDK: &str = "opentelemetry";

fn is_noise(target: &str) -> bool {
    let name = target.split_once("::").map_or(target, |(name, _)| name);
    NOISE.binary_search(&name).is_ok()
}

fn is_named(targets: &Targets, target: &str) -> bool {
    targets.iter().any(|(named, _)| target.starts_with(named))
}

fn flight_targets(directives: &str) -> Result<Targets, BadDirectives> {
    let mut targets = Targets::new();
    for directive in directives.split(',').map(str::trim) {
        let bad = |problem: String| BadDirectives {
            setting: "flight",
            directive: directive.into(),
            problem,
        };
        if directive.is_empty() || directive.contains(['[', '{']) {
            return Err(bad("is no target and level".into()));
        }
        let one: Targets = directive
            .parse()
            .map_err(|error: tracing_subscriber::filter::ParseError| bad(error.to_string()))?;
        if let Some(level) = one.default_level() {
            targets = targets.with_default(level);
        } else {
            targets = targets.with_targets(one);
        }
    }
    Ok(targets)
}

fn most_of(targets: &Targets) -> LevelFilter {
    let levels = targets.iter().map(|(_, level)| level);
    let default = targets.default_level().unwrap_or(LevelFilter::OFF);
    levels.fold(default, LevelFilter::max)
}

fn access_level(targets: &Targets) -> LevelFilter {
    let levels = [
        Level::TRACE,
        Level::DEBUG,
        Level::INFO,
        Level::WARN,
        Level::ERROR,
    ];
    let wanted = levels
        .into_iter()
        .find(|level| targets.would_enable(access::TARGET, level));
    wanted.map_or(LevelFilter::OFF, LevelFilter::from_level)
}
