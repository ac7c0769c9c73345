//! Failures of the service as Sentry events: the only module that names a
//! Sentry type. Without the feature `sentry` it does nothing.

#[cfg(feature = "sentry")]
pub(crate) use on::Reporter;

#[cfg(not(feature = "sentry"))]
pub(crate) use off::Reporter;

#[cfg(not(feature = "sentry"))]
mod off {
    use std::time::Instant;

    use plimsoll_core::record::Record;

    use crate::config::{Ownership, Warning};

    /// Says once that a DSN has no effect in this build.
    pub(crate) struct Reporter;

    impl Reporter {
        pub(crate) fn new(
            of: Ownership,
            dsn: Option<String>,
            _: &str,
            warnings: &mut Vec<Warning>,
        ) -> Self {
            if of == Ownership::Own && dsn.is_some_and(|dsn| !dsn.is_empty()) {
                let problem = "is set, but this build lacks the feature `sentry`; no event is sent";
                warnings.push(Warning::new("SENTRY_DSN", problem));
            }
            Self
        }

        #[expect(clippy::unused_self, reason = "the same face as with the feature")]
        pub(crate) fn report(&self, _: &Record) {}

        #[expect(clippy::unused_self, reason = "the same face as with the feature")]
        pub(crate) fn close(&self, _: Instant) {}

        #[expect(clippy::unused_self, reason = "the same face as with the feature")]
        pub(crate) fn hurry(&self) {}
    }
}

#[cfg(feature = "sentry")]
mod on {
    use std::sync::Arc;
    use std::time::Instant;

    use plimsoll_core::outcome::{Blame, Outcome};
    use plimsoll_core::record::Record;
    use sentry::protocol::{Event, Map};
    use sentry::{Client, ClientOptions, Hub, Level};

    use crate::config::{Ownership, Warning};

    /// Sends an event for each request that the service itself failed.
    pub(crate) enum Reporter {
        Off,
        Own(Arc<Client>),
        Join,
    }

    impl Reporter {
        pub(crate) fn new(
            of: Ownership,
            dsn: Option<String>,
            service: &str,
            warnings: &mut Vec<Warning>,
        ) -> Self {
            let dsn = dsn.filter(|dsn| !dsn.is_empty());
            match (of, dsn) {
                (Ownership::Join, _) => Self::Join,
                (Ownership::Own, Some(dsn)) => match dsn.parse() {
                    Ok(dsn) => {
                        let mut options = ClientOptions::default();
                        options.dsn = Some(dsn);
                        options.server_name = Some(service.to_owned().into());
                        // Its default transport and nothing that takes a hook.
                        Self::Own(Arc::new(Client::with_options(sentry::apply_defaults(
                            options,
                        ))))
                    }
                    Err(error) => {
                        let problem = format!("{error}; no event is sent");
                        warnings.push(Warning::new("SENTRY_DSN", problem));
                        Self::Off
                    }
                },
                _ => Self::Off,
            }
        }

        pub(crate) fn report(&self, record: &Record) {
            let ours = matches!(record.blame, Some(Blame::Server | Blame::Dependency));
            if !ours {
                return;
            }
            match self {
                Self::Off => {}
                Self::Own(client) => {
                    client.capture_event(event(record), None);
                }
                Self::Join => {
                    Hub::current().capture_event(event(record));
                }
            }
        }

        #[expect(clippy::unused_self, reason = "its client's close cannot be cut short")]
        pub(crate) fn hurry(&self) {}

        pub(crate) fn close(&self, deadline: Instant) {
            if let Self::Own(client) = self {
                client.close(Some(deadline.saturating_duration_since(Instant::now())));
            }
        }
    }

    /// Code, blame, route and ids as tags; one group per code and route.
    fn event(record: &Record) -> Event<'static> {
        let outcome = record.outcome.unwrap_or(Outcome::Fault).as_str();
        let mut tags = Map::new();
        let mut tag = |name: &str, text: &str| {
            tags.insert(name.to_owned(), text.to_owned());
        };
        tag("route", record.route);
        tag("method", record.method);
        tag("outcome", outcome);
        tag("request_id", record.ids.request_id.as_str());
        tag("trace_id", &record.ids.trace_id.to_string());
        if let Some(code) = record.code {
            tag("code", code);
        }
        if let Some(blame) = record.blame {
            tag("blame", blame.as_str());
        }
        let kind = record.code.unwrap_or(outcome);
        Event {
            level: Level::Error,
            message: Some(format!("{kind} {} {}", record.method, record.route)),
            fingerprint: vec![kind.to_owned().into(), record.route.into()].into(),
            tags,
            ..Event::default()
        }
    }
}
