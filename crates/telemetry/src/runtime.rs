//! What can be changed while a service runs, for a while.

use std::time::Duration;

use crate::logs::filter::BadDirectives;
use crate::logs::levels::{Change, Directives};
use crate::telemetry::Telemetry;

/// The levels of an instance at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelsNow {
    /// What holds.
    pub current: Directives,
    /// What holds without a change.
    pub configured: Directives,
    /// The change that holds, and how long yet.
    pub change: Option<(Change, Duration)>,
}

impl Telemetry {
    /// The levels that hold, and until when. A change whose time is over ends here.
    ///
    /// ```
    /// use std::time::Duration;
    /// use plimsoll_core::Clock;
    /// use plimsoll_telemetry::{Directives, Telemetry};
    ///
    /// let (clock, hand) = Clock::manual();
    /// let telemetry = Telemetry::builder("card-service")
    ///     .clock(clock)
    ///     .log_output(std::io::sink())
    ///     .build()?;
    /// let verbose = Directives {
    ///     log: "info,card_service=debug".into(),
    ///     ..telemetry.levels().configured
    /// };
    /// telemetry.set_levels(verbose, Duration::from_mins(10), "operator at 127.0.0.1")?;
    /// assert_eq!(telemetry.levels().current.log, "info,card_service=debug");
    /// hand.advance(Duration::from_mins(10));
    /// assert_eq!(telemetry.levels().current.log, "info");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn levels(&self) -> LevelsNow {
        self.end_levels();
        let levels = &self.instance().levels;
        let configured = levels.configured().clone();
        let change = levels.change();
        LevelsNow {
            current: change.as_ref().map_or_else(
                || configured.clone(),
                |(change, _)| change.directives.clone(),
            ),
            configured,
            change: change.map(|(change, left)| (change, Duration::from_nanos(left))),
        }
    }

    /// Lets other levels hold for `time`, instead of any earlier change; `by`
    /// says who wants it. Spans that are open keep the fields they were made
    /// with: one that the old levels passed over has none on the new lines.
    ///
    /// # Errors
    ///
    /// When a directive cannot be read; nothing is changed.
    pub fn set_levels(
        &self,
        directives: Directives,
        time: Duration,
        by: &str,
    ) -> Result<(), BadDirectives> {
        self.end_levels();
        let mut fields = told(&directives);
        fields.push(("for", humantime::format_duration(time).to_string()));
        fields.push(("by", by.into()));
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.instance().levels.set(directives, nanos, by)?;
        self.say("levels changed", &fields);
        Ok(())
    }

    /// Whether quiet events can be recorded at all: the logs are our own.
    pub fn records_flights(&self) -> bool {
        self.instance().flight.is_some()
    }

    /// Whether sampling is ours to change: spans are exported by us.
    pub fn samples_traces(&self) -> bool {
        self.instance().spans.processor().is_some()
    }

    /// Ends a change at once. Says whether there was one.
    pub fn revert_levels(&self, by: &str) -> bool {
        let ended = self.instance().levels.revert(true);
        self.tell_reverted(ended, by)
    }

    /// Ends a change whose time is over. Says whether there was one.
    pub fn end_levels(&self) -> bool {
        let ended = self.instance().levels.revert(false);
        self.tell_reverted(ended, "its end")
    }

    fn tell_reverted(&self, ended: Option<Change>, why: &str) -> bool {
        let Some(ended) = ended else { return false };
        let mut fields = told(self.instance().levels.configured());
        fields.push(("changed_by", ended.by));
        fields.push(("reverted_by", why.into()));
        self.say("levels reverted", &fields);
        true
    }
}

fn told(directives: &Directives) -> Vec<(&'static str, String)> {
    let flight = directives.flight.as_deref().unwrap_or("off");
    let triggers: Vec<_> = directives
        .triggers
        .iter()
        .map(|keep| keep.as_str())
        .collect();
    let mut fields = vec![
        ("log", directives.log.clone()),
        ("flight", flight.to_owned()),
        ("flight_triggers", triggers.join(",")),
    ];
    if let Some(ratio) = directives.sample_ratio {
        fields.push(("sample_ratio", ratio.to_string()));
    }
    fields
}
