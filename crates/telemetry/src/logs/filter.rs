//! Which lines are wanted, from directives in the syntax of `RUST_LOG`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

use super::access;

/// The most verbose level at which the request's own line is wanted.
pub(crate) fn access_level(directives: &str, filter: &EnvFilter) -> LevelFilter {
    use tracing::Level;
    let Ok(targets) = directives.parse::<Targets>() else {
        // Directives by span or field: they say nothing of a line outside all spans.
        return filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    };
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

/// The filter of the application's events; `info` where the directives are none.
pub(crate) fn filter_of(directives: &str) -> EnvFilter {
    let parsed = EnvFilter::builder().with_regex(false).parse(directives);
    parsed.unwrap_or_else(|_| EnvFilter::new("info"))
}
