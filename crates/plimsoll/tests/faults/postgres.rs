//! A PostgreSQL of one test.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plimsoll_testkit::process::Signal;
use plimsoll_testkit::wait::until_told;
use rustix::process::{Pid, kill_process};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A server that ends with it.
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path());
        let data = folder.path().join("data");
        let made = tool("initdb")
            .args(["-U", "postgres", "-A", "trust", "-N", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        // The port stays when the server is started again; below those that
        // systems give away, so that no connection takes it meanwhile.
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let first = 20_000 + (std::process::id() % 10_000) as u16;
        let mut server = Self {
            folder,
            port: (first..32_000).find(free).unwrap(),
            server: None,
        };
        server.again().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, and makes the function that a check calls.
    pub(crate) async fn again(&mut self) {
        let data = self.folder.path().join("data");
        let server = tool("postgres")
            .arg("-D")
            .arg(data)
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "fsync=off"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.server = Some(server.unwrap());
        let url = self.url();
        until_told("the server", async || {
            PgConnection::connect(&url).await.ok()
        })
        .await;
        self.answer_after(Duration::ZERO).await;
    }

    /// How long it takes for the check's question.
    pub(crate) async fn answer_after(&self, time: Duration) {
        let pool = PgPoolOptions::new().connect(&self.url()).await.unwrap();
        let seconds = time.as_secs_f64();
        let change = format!(
            "CREATE OR REPLACE FUNCTION ping() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep({seconds})'"
        );
        // What is asked is made here, of a number.
        let change = sqlx::AssertSqlSafe(change);
        sqlx::query(change).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// To the server and every process of it, each of which leads a group of its own.
    pub(crate) fn signal(&self, signal: Signal) {
        let server = Pid::from_child(self.server.as_ref().unwrap());
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children =
            numbers.filter(|number| parent(*number) == Some(server.as_raw_nonzero().get()));
        let children: Vec<i32> = children.collect();
        kill_process(server, signal).unwrap();
        for child in children {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(Pid::from_raw(child).unwrap(), signal);
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.server.take().unwrap().wait().unwrap();
        // Else the next one takes the old one for alive.
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Its children see that it is gone, and end.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Who started a process: the second number after its name in brackets (proc(5)).
fn parent(process: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// A program of PostgreSQL, which Debian keeps off the path.
fn tool(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let of = |version: PathBuf| version.join("bin").join(name);
    let mut found = versions.flatten().map(|version| of(version.path()));
    let program = found.find(|program| program.exists());
    let mut command = Command::new(program.unwrap_or_else(|| name.into()));
    if let Some((user, group)) = postgres_user() {
        command.uid(user).gid(group);
    }
    command
}

/// Who runs it when we are root, as which it refuses to run.
fn postgres_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let mut parts = line.unwrap().split(':').skip(2);
    let mut number = || parts.next().unwrap().parse().unwrap();
    Some((number(), number()))
}

fn own(folder: &Path) {
    if let Some((user, group)) = postgres_user() {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}
