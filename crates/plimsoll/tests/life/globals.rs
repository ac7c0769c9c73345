//! A process has one subscriber and one recorder, and they may be the host's.

use std::process::Command;

use plimsoll::{Ownership, Plimsoll};

/// Runs one of the tests below in a process of its own.
async fn alone(name: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("globals::{name}"), "--ignored"]);
    let output = plimsoll_testkit::process::run(command).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[expect(clippy::disallowed_methods, reason = "this is the host")]
fn subscribe() {
    let host = tracing_subscriber::registry();
    tracing::subscriber::set_global_default(host).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "this is the host")]
fn record() -> Result<(), metrics::SetRecorderError<metrics::NoopRecorder>> {
    metrics::set_global_recorder(metrics::NoopRecorder)
}

fn refused(of: impl FnOnce(plimsoll::Builder) -> plimsoll::Builder) -> String {
    let builder = of(Plimsoll::builder("guest").env(Vec::new));
    let told = builder.install().unwrap_err().to_string();
    assert!(told.contains("`join`"), "{told}");
    told
}

#[tokio::test]
async fn a_subscriber_that_the_host_set_is_an_error_that_names_join() {
    alone("with_a_subscriber").await;
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn with_a_subscriber() {
    subscribe();
    let told = refused(|builder| builder);
    assert!(told.contains("tracing_layer"), "{told}");
    record().expect("what failed took no recorder");
    let join = Plimsoll::builder("guest").env(Vec::new);
    let joined = join.signals(Ownership::Join).install();
    assert!(joined.is_ok(), "{joined:?}");
}

#[tokio::test]
async fn a_recorder_that_the_host_set_is_an_error_that_names_join() {
    alone("with_a_recorder").await;
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn with_a_recorder() {
    record().unwrap();
    let told = refused(|builder| builder);
    assert!(told.contains("render_into"), "{told}");
    subscribe();
}
