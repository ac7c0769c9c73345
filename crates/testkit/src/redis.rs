//! A real `redis-server` of a test's own, on a socket file in a folder of its own.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::process::{Process, Signal};
use crate::wait::until_told;

/// A server that keeps nothing on disk; killed when this is dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    settings: Vec<String>,
    process: Option<Process>,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    ///
    /// When `redis-server` is missing or does not start.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with settings of its own, as on the command line.
    ///
    /// # Panics
    ///
    /// As [`Redis::start`].
    pub async fn with(settings: &[&str]) -> Self {
        let mut redis = Self {
            folder: tempfile::tempdir().unwrap(),
            settings: settings.iter().map(ToString::to_string).collect(),
            process: None,
        };
        redis.restart().await;
        redis
    }

    /// Kills it if it runs, and starts it again, empty.
    ///
    /// # Panics
    ///
    /// As [`Redis::start`].
    pub async fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .args(&self.settings)
            .current_dir(self.folder.path());
        self.process = Some(Process::start(&mut command));
        until_told("redis-server", async || {
            let pong = self.try_ask(&["PING"]).await?;
            (pong == "PONG").then_some(())
        })
        .await;
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it (`STOP`) or lets it go on (`CONT`).
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().unwrap().signal(signal);
    }

    /// The file of its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Sends a command; the answer's text: of a list, one line each.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).await.unwrap()
    }

    /// How often a command was run, by `INFO commandstats`.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn calls(&self, command: &str) -> u64 {
        let info = self.ask(&["INFO", "commandstats"]).await;
        let head = format!("cmdstat_{command}:calls=");
        let line = info.lines().find_map(|line| line.strip_prefix(&head));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    async fn try_ask(&self, words: &[&str]) -> Option<String> {
        let stream = UnixStream::connect(self.socket()).await.ok()?;
        let mut stream = BufReader::new(stream);
        let word = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
        let words: Vec<_> = words.iter().map(word).collect();
        let command = format!("*{}\r\n{}", words.len(), words.concat());
        stream.write_all(command.as_bytes()).await.ok()?;
        let head = line(&mut stream).await?;
        let (kind, rest) = head.split_at_checked(1)?;
        match kind {
            "*" => {
                let mut lines = Vec::new();
                for _ in 0..rest.parse::<usize>().ok()? {
                    let head = line(&mut stream).await?;
                    lines.push(value(&mut stream, &head).await?);
                }
                Some(lines.join("\n"))
            }
            _ => value(&mut stream, &head).await,
        }
    }
}

async fn line(stream: &mut BufReader<UnixStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    Some(line.trim_end().to_owned())
}

async fn value(stream: &mut BufReader<UnixStream>, head: &str) -> Option<String> {
    let (kind, rest) = head.split_at_checked(1)?;
    if kind != "$" {
        return Some(rest.to_owned());
    }
    let Ok(length) = rest.parse::<usize>() else {
        return Some(String::new());
    };
    let mut text = vec![0; length + 2];
    stream.read_exact(&mut text).await.ok()?;
    text.truncate(length);
    Some(String::from_utf8_lossy(&text).into_owned())
}
