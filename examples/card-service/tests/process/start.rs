use std::process::{Command, Output};

fn card_service(arguments: &[&str], folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_card-service"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn what_cannot_work_is_said_with_the_way_out_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    std::fs::write(
        folder.path().join("not-a-database.db"),
        "plain text, long enough to be read",
    )
    .unwrap();
    let free = "127.0.0.1:0";
    let memory = "sqlite::memory:";
    for (listen, status, control, database, said) in [
        (taken.as_str(), free, free, memory, "--listen"),
        (free, taken.as_str(), free, memory, "PLIMSOLL_STATUS"),
        (free, free, taken.as_str(), memory, "PLIMSOLL_CONTROL"),
        (free, free, "0.0.0.0:0", memory, "PLIMSOLL_CONTROL_TOKEN"),
        (
            free,
            free,
            free,
            "sqlite:///no/such/folder/cards.db",
            "folder",
        ),
        (
            free,
            free,
            free,
            "sqlite://not-a-database.db",
            "not-a-database.db",
        ),
        (free, free, free, "postgres://localhost/cards", "sqlite"),
    ] {
        let arguments = [
            "serve",
            "--accounts",
            "1",
            "--listen",
            listen,
            "--status",
            status,
            "--control",
            control,
            "--database-url",
            database,
        ];
        let output = card_service(&arguments, folder.path());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "{said} not in: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
}

#[test]
fn the_committed_catalog_is_fresh_and_a_stale_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("errors.json");
    let file = file.to_str().unwrap();
    let export = ["errors", "export", "-o", file];
    let check = ["errors", "export", "-o", file, "--check"];
    assert_eq!(
        card_service(&check, folder.path()).status.code(),
        Some(2),
        "no file yet"
    );
    assert_eq!(card_service(&export, folder.path()).status.code(), Some(0));
    assert_eq!(card_service(&check, folder.path()).status.code(), Some(0));
    std::fs::write(file, "{}").unwrap();
    assert_eq!(card_service(&check, folder.path()).status.code(), Some(1));
}

#[test]
fn every_value_is_printed_with_who_said_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plimsoll.toml"), "drain = \"7s\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_card-service"))
        .args(["config", "print"])
        .current_dir(folder.path())
        .env_clear()
        .env("OTEL_BSP_SCHEDULE_DELAY", "20")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2")
        .env("OTEL_CONFIG_FILE", "otel.yaml")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |key: &str| -> Vec<&str> {
        let mut rows = text.lines().map(|line| line.split_whitespace());
        let found = rows.find(|row| row.clone().next() == Some(key));
        found.unwrap().skip(1).take(2).collect()
    };
    assert_eq!(row("status"), ["127.0.0.1:8081", "code"]);
    assert_eq!(row("drain"), ["7s", "file"]);
    assert_eq!(row("timeout"), ["10s", "default"]);
    assert_eq!(row("OTEL_SERVICE_NAME"), ["card-service", "code"]);
    assert_eq!(row("OTEL_BSP_SCHEDULE_DELAY"), ["20", "environment"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("OTEL_CONFIG_FILE"), "{said}");
    assert!(!text.contains("hunter2") && !said.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_is_its_own_health_check() {
    let service = crate::service::Service::start(&[("PLIMSOLL_WAIT", "0s")]);
    service.address("service").await;
    let status = service.address("status").await.to_string();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["healthcheck", "--status", &status];
    // The first check of the database may still be under way.
    plimsoll_testkit::wait::until("ready", || {
        let output = card_service(&arguments, folder.path());
        (output.status.code() == Some(0)).then_some(())
    })
    .await;
    service
        .process
        .signal(plimsoll_testkit::process::Signal::TERM);
    service.ended().await;
    let over = card_service(&arguments, folder.path());
    assert_eq!(over.status.code(), Some(1));
    let said = String::from_utf8_lossy(&over.stderr);
    assert!(said.contains("no answer from"), "{said}");
}
