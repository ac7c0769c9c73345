//! Which requests become events, and whose client takes them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use plimsoll_core::Clock;
use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_core::record::Record;
use sentry::integrations::contexts::ContextIntegration;
use sentry::types::{Dsn, Scheme};
use sentry::{Client, ClientOptions, Hub};

use super::event::{event, kind};
use super::pace::Pace;
use super::transport::{Factory, Transport};
use crate::builder::SentryConfig;
use crate::config::{Ownership, Warning};
use crate::error::TelemetryError;
use crate::exports::Outlet;
use crate::ledger::Balance;

/// Sends an event for each request that the service itself failed.
pub(crate) struct Reporter {
    service: String,
    pace: Pace,
    to: To,
}

enum To {
    Nobody,
    Own {
        client: Arc<Client>,
        transport: Transport,
    },
    /// The host's client, which keeps no ledger of ours.
    Host,
}

impl Reporter {
    /// Reads `SENTRY_DSN`, `SENTRY_RELEASE` and `SENTRY_ENVIRONMENT` from `env`
    /// where the author said nothing.
    pub(crate) fn new(
        config: &SentryConfig,
        env: &dyn Fn(&str) -> Option<String>,
        service: &str,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let to = match config.of {
            Ownership::Off => To::Nobody,
            Ownership::Join => To::Host,
            Ownership::Own => own(config, env, warnings),
        };
        Self {
            service: service.to_owned(),
            pace: Pace::default(),
            to,
        }
    }

    /// Whether the application's warnings are wanted.
    pub(crate) fn takes_crumbs(&self) -> bool {
        matches!(self.to, To::Own { .. })
    }

    /// Whether the process's hub can be ours.
    pub(crate) fn is_free(&self) -> Result<(), TelemetryError> {
        let taken = || {
            Hub::main()
                .client()
                .is_some_and(|client| client.is_enabled())
        };
        if matches!(self.to, To::Own { .. }) && taken() {
            return Err(TelemetryError::SentryTaken);
        }
        Ok(())
    }

    /// Makes our client the process's, so that what the application captures
    /// itself leaves by the same way.
    pub(crate) fn install(&self) {
        if let To::Own { client, .. } = &self.to {
            Hub::main().bind_client(Some(Arc::clone(client)));
        }
    }

    /// Sends an event if the service or a dependency failed the request.
    pub(crate) fn report(&self, clock: &Clock, record: &Record) {
        if matches!(record.blame, Some(Blame::Server | Blame::Dependency)) {
            self.capture(clock, record);
        }
    }

    #[cold]
    fn capture(&self, clock: &Clock, record: &Record) {
        let host = match &self.to {
            To::Nobody => return,
            To::Own { .. } => None,
            To::Host => match Hub::current().client() {
                // It has seen the panic where it was thrown.
                Some(client) if reports_panics(&client) && is_panic(record) => return,
                Some(client) => Some(client),
                None => return,
            },
        };
        let Some(suppressed) = self.pace.admit(kind(record), record.ended) else {
            if let To::Own { transport, .. } = &self.to {
                transport.keep_back();
            }
            return;
        };
        let event = event(&self.service, clock, record, suppressed);
        match (&self.to, host) {
            (To::Own { client, .. }, _) => {
                client.capture_event(event, None);
            }
            (_, Some(_)) => {
                Hub::current().capture_event(event);
            }
            (_, None) => {}
        }
    }

    /// The ledger and the way out of what is ours.
    pub(crate) fn account(&self) -> Option<(Balance, Outlet)> {
        match &self.to {
            To::Own { transport, .. } => Some((transport.balance(), transport.outlet())),
            _ => None,
        }
    }

    /// Takes no more events.
    pub(crate) fn begin_close(&self) {
        if let To::Own { transport, .. } = &self.to {
            transport.begin_close();
        }
    }

    /// Waits for the last events to leave.
    pub(crate) fn close(&self, deadline: Instant) {
        if let To::Own { transport, .. } = &self.to {
            transport.close(deadline);
        }
    }

    /// Ends a wait in [`Self::close`].
    pub(crate) fn hurry(&self) {
        if let To::Own { transport, .. } = &self.to {
            transport.hurry();
        }
    }
}

fn is_panic(record: &Record) -> bool {
    record.outcome == Some(Outcome::Panic)
}

/// Whether a client has the integration that captures panics in their hook.
fn reports_panics(client: &Client) -> bool {
    let integrations = &client.options().integrations;
    integrations.iter().any(|it| it.name() == "panic")
}

fn own(
    config: &SentryConfig,
    env: &dyn Fn(&str) -> Option<String>,
    warnings: &mut Vec<Warning>,
) -> To {
    let of_author = config.dsn.as_ref().map(|dsn| dsn.expose().clone());
    let dsn = of_author.or_else(|| env("SENTRY_DSN"));
    let Some(dsn) = dsn.filter(|dsn| !dsn.trim().is_empty()) else {
        return To::Nobody;
    };
    let mut refuse = |problem: String| {
        let problem = format!("{problem}; no event is sent");
        warnings.push(Warning::new("SENTRY_DSN", problem));
        To::Nobody
    };
    // The parser's own text says what is wrong and repeats nothing.
    let dsn: Dsn = match dsn.trim().parse() {
        Ok(dsn) => dsn,
        Err(error) => return refuse(format!("{error}")),
    };
    if dsn.scheme() == Scheme::Https && !cfg!(feature = "https") {
        return refuse("wants TLS, which this build lacks: build with the feature `https`".into());
    }
    let mut options = ClientOptions::default();
    let client = options.user_agent.clone().into_owned();
    let transport = match Transport::start(&dsn, client) {
        Ok(transport) => transport,
        Err(error) => return refuse(format!("its thread did not start: {error}")),
    };
    let mut text = |name: &str, of_author: Option<&String>, check: fn(&str) -> bool| {
        let value = of_author.cloned().or_else(|| env(name))?;
        let value = value.trim().to_owned();
        if value.is_empty() {
            return None;
        }
        if check(&value) {
            return Some(Cow::Owned(value));
        }
        let problem = format!("{value:?} is none that Sentry takes; it is not sent");
        warnings.push(Warning::new(name, problem));
        None
    };
    options.release = text("SENTRY_RELEASE", config.release.as_ref(), is_release);
    let environment = config.environment.as_ref();
    options.environment = text("SENTRY_ENVIRONMENT", environment, is_environment);
    options.transport = Some(Arc::new(Factory(transport.clone())));
    options.dsn = Some(dsn);
    // Nothing that takes a hook, and nothing that reads the environment.
    options.integrations = vec![Arc::new(ContextIntegration::default())];
    let client = Arc::new(Client::with_options(options));
    To::Own { client, transport }
}

/// <https://docs.sentry.io/product/releases/naming-releases/>.
fn is_release(text: &str) -> bool {
    text.len() <= 200
        && !text.contains(['\n', '\r', '\t', '/', '\\'])
        && text != "."
        && text != ".."
}

/// <https://docs.sentry.io/concepts/key-terms/environments/>.
fn is_environment(text: &str) -> bool {
    text.len() <= 64 && !text.contains(['\n', '\r', '/', ' ']) && !text.eq_ignore_ascii_case("none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::fresh_ids;
    use sentry::{Envelope, Integration, Transport};
    use std::sync::Mutex;

    /// The host's client: keeps what it is to send.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Envelope>>);

    impl Transport for Kept {
        fn send_envelope(&self, envelope: Envelope) {
            self.0.lock().unwrap().push(envelope);
        }
    }

    /// As `sentry-panic` calls itself.
    struct PanicHook;

    impl Integration for PanicHook {
        fn name(&self) -> &'static str {
            "panic"
        }
    }

    fn reported(with_hook: bool, outcome: Outcome) -> usize {
        let kept = Arc::new(Kept::default());
        let mut options = ClientOptions::default();
        options.dsn = Some("http://key@127.0.0.1:1/42".parse().unwrap());
        options.transport = Some(Arc::new(Arc::clone(&kept)));
        if with_hook {
            options.integrations.push(Arc::new(PanicHook));
        }
        let client = Arc::new(Client::with_options(options));
        let hub = Arc::new(Hub::new(Some(client), Arc::default()));
        let config = SentryConfig {
            of: Ownership::Join,
            ..SentryConfig::default()
        };
        let reporter = Reporter::new(&config, &|_| None, "guest", &mut Vec::new());
        let mut record = Record::new(fresh_ids(false), 0);
        record.outcome = Some(outcome);
        record.blame = outcome.blame();
        Hub::run(hub, || reporter.report(&Clock::system(), &record));
        kept.0.lock().unwrap().len()
    }

    #[test]
    fn a_panic_that_the_hosts_client_has_seen_is_not_reported_again() {
        assert_eq!(reported(true, Outcome::Panic), 0);
        assert_eq!(reported(false, Outcome::Panic), 1);
        assert_eq!(reported(true, Outcome::Fault), 1);
        assert_eq!(reported(false, Outcome::Success), 0);
    }

    #[test]
    fn release_and_environment_are_what_sentry_takes() {
        assert!(is_release("card-service@1.4.2+7") && is_environment("staging-2"));
        for text in ["a/b", "a\nb", ".", ".."] {
            assert!(!is_release(text), "{text:?}");
        }
        for text in ["a/b", "a b", "None", "x\n"] {
            assert!(!is_environment(text), "{text:?}");
        }
    }
}
