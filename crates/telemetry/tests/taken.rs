//! What `install` says where the process's globals are taken. One test, for the
//! process has each of them once.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]
#![expect(
    clippy::disallowed_methods,
    reason = "a host takes the globals before us"
)]

use plimsoll_telemetry::{Ownership, Telemetry, TelemetryError};
use tracing::subscriber::NoSubscriber;

fn instance(metrics: Ownership) -> Telemetry {
    let builder = Telemetry::builder("guest").env(Vec::new()).metrics(metrics);
    let builder = builder.log_output(std::io::sink());
    #[cfg(feature = "sentry")]
    let builder = builder.sentry_dsn("http://key@127.0.0.1:1/42");
    builder.build().unwrap()
}

fn is_free() -> bool {
    tracing::dispatcher::get_default(tracing::Dispatch::is::<NoSubscriber>)
}

#[test]
fn what_a_host_has_is_a_typed_error_that_names_join_and_nothing_of_ours_is_left_behind() {
    #[cfg(feature = "sentry")]
    {
        use std::sync::Arc;
        let mut options = sentry::ClientOptions::default();
        options.dsn = Some("http://host@127.0.0.1:1/42".parse().unwrap());
        let nothing = |_: &sentry::ClientOptions| -> Arc<dyn sentry::Transport> {
            struct Nothing;
            impl sentry::Transport for Nothing {
                fn send_envelope(&self, _: sentry::Envelope) {}
            }
            Arc::new(Nothing)
        };
        options.transport = Some(Arc::new(nothing));
        let client = Arc::new(sentry::Client::with_options(options));
        sentry::Hub::main().bind_client(Some(client));
        let taken = instance(Ownership::Own).install().unwrap_err();
        assert!(matches!(taken, TelemetryError::SentryTaken), "{taken}");
        assert!(taken.to_string().contains("`join`") && is_free());
        sentry::Hub::main().bind_client(None);
    }

    metrics::set_global_recorder(metrics::NoopRecorder).unwrap();
    let taken = instance(Ownership::Own).install().unwrap_err();
    assert!(matches!(taken, TelemetryError::RecorderTaken), "{taken}");
    assert!(taken.to_string().contains("`join`") && is_free());

    // A scoped subscriber is not the process's.
    let scoped = tracing::subscriber::set_default(tracing_subscriber::registry());
    let telemetry = instance(Ownership::Join);
    telemetry.install().unwrap();
    drop(scoped);
    assert!(!is_free());

    let taken = instance(Ownership::Join).install().unwrap_err();
    assert!(matches!(
        taken,
        TelemetryError::SubscriberTaken | TelemetryError::SentryTaken
    ));
    assert!(taken.to_string().contains("`join`"), "{taken}");
}
