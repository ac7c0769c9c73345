//! The application's warnings and errors of a request, for its Sentry event.

use std::fmt::{self, Write as _};

use plimsoll_core::record::Crumb;
use plimsoll_core::{Clock, current, redact};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Bytes of an event's text that are kept.
const TEXT_MAX: usize = 512;

/// Keeps events of level WARN and ERROR on the current record.
pub(crate) struct Crumbs {
    pub(crate) clock: Clock,
}

impl<S: Subscriber> Layer<S> for Crumbs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || !current::is_set() {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let crumb = Crumb {
            at: self.clock.now(),
            level: metadata.level().as_str(),
            target: metadata.target(),
            text: redact::scrub(&text.0).into(),
        };
        current::with(|record| record.keep_crumb(crumb));
    }
}

/// The message, then `name=value` of each field, up to [`TEXT_MAX`] bytes.
#[derive(Default)]
struct Text(String);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = TEXT_MAX.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        // An error ends the formatting of what would not fit in any case.
        if text.len() > room {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self, "{value:?}"),
            name => write!(self, " {name}={value:?}"),
        };
    }
}

impl Crumbs {
    /// The layer, if anybody wants crumbs.
    pub(crate) fn layer(wanted: bool, clock: &Clock) -> Option<Self> {
        wanted.then(|| Self {
            clock: clock.clone(),
        })
    }
}
