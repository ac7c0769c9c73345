//! The real binary as a process of its own, with a small database that goes with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use plimsoll_testkit::process::{Ended, Process};
use tempfile::TempDir;

const DATABASE: &str = "cards.db";

pub(crate) struct Service {
    pub(crate) process: Process,
    folder: TempDir,
}

impl Service {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::with(&[], settings)
    }

    /// With further arguments.
    pub(crate) fn with(more: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join(DATABASE);
        let mut command = Command::new(env!("CARGO_BIN_EXE_card-service"));
        command.args(["serve", "--accounts", "200", "--allow-faults"]);
        for listener in ["--listen", "--status", "--control"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command
            .arg("--database-url")
            .arg(format!("sqlite://{}", database.display()))
            .args(more)
            .envs(settings.iter().copied())
            .env("PLIMSOLL_LOG", "info")
            .current_dir(folder.path());
        Self {
            process: Process::start(&mut command),
            folder,
        }
    }

    /// Its file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE)
    }

    /// Where a listener was announced.
    pub(crate) async fn address(&self, listener: &str) -> SocketAddr {
        self.process.address(listener).await
    }

    /// Waits for the end; the database goes after it.
    pub(crate) async fn ended(self) -> Ended {
        let ended = self.process.ended().await;
        drop(self.folder);
        ended
    }
}
