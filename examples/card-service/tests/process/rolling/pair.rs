//! Two services on one database, behind a proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use plimsoll_testkit::process::{Process, Signal};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::proxy::{Proxy, Server, own_address};

pub(super) struct Pair {
    pub(super) proxy: Proxy,
    services: Vec<(Process, Server)>,
    wait: String,
    folder: TempDir,
}

impl Pair {
    pub(super) async fn start(wait: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = SocketAddr::new(own_address(), 0);
        let anywhere = Server {
            service: any,
            status: any,
        };
        let mut services = Vec::new();
        for _ in 0..2 {
            let process = start(folder.path(), wait, anywhere);
            // The first fills the database, so the second is asked for after it.
            let server = Server {
                service: process.address("service").await,
                status: process.address("status").await,
            };
            services.push((process, server));
        }
        let proxy = Proxy::start(folder.path(), [services[0].1, services[1].1]).await;
        Self {
            proxy,
            services,
            wait: wait.into(),
            folder,
        }
    }

    /// Ends one of them and starts it again at the same addresses.
    pub(super) async fn restart(&mut self, number: usize) {
        let (process, server) = self.services.remove(number);
        process.signal(Signal::TERM);
        let ended = process.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
        let ledger = ended.ledger();
        assert_eq!(ledger["balances"], true, "{ledger}");
        let process = start(self.folder.path(), &self.wait, server);
        process.address("service").await;
        self.services.insert(number, (process, server));
        self.proxy.sends_to(number).await;
    }

    /// Cards that money can be spent with, and their currency.
    pub(super) async fn cards(&self) -> Vec<(i64, String)> {
        let query = "SELECT cards.id, currency FROM cards JOIN accounts ON accounts.id = account_id
             WHERE state = 'active' AND limit_minor - spent_minor > 50000";
        let pool = self.database().await;
        let cards = sqlx::query_as(query).fetch_all(&pool).await.unwrap();
        pool.close().await;
        assert!(!cards.is_empty());
        cards
    }

    /// Ends both. Returns how often each of our spends stands in the database.
    pub(super) async fn end(mut self) -> BTreeMap<String, i64> {
        for (process, _) in self.services.drain(..) {
            process.signal(Signal::TERM);
            process.ended().await;
        }
        let query = "SELECT merchant, COUNT(*) FROM transactions
             WHERE merchant LIKE 'rolling %' GROUP BY merchant";
        let pool = self.database().await;
        let spends: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&pool).await.unwrap();
        pool.close().await;
        spends.into_iter().collect()
    }

    async fn database(&self) -> SqlitePool {
        let file = self.folder.path().join("cards.db");
        SqlitePool::connect_with(SqliteConnectOptions::new().filename(file))
            .await
            .unwrap()
    }
}

fn start(folder: &Path, wait: &str, at: Server) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_card-service"));
    command
        .args(["serve", "--accounts", "200"])
        .args(["--database-url", "sqlite://cards.db"])
        .args(["--listen", &at.service.to_string()])
        .args(["--status", &at.status.to_string()])
        .args(["--control", "127.0.0.1:0"])
        .env("PLIMSOLL_WAIT", wait)
        // A line for each of some thousand requests would tell nothing more.
        .env("PLIMSOLL_LOG", "warn")
        .current_dir(folder);
    Process::start(&mut command)
}
