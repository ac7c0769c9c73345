//! A `redis-server` on a core of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll_bench_ours::Fault;

/// Killed when dropped.
pub(super) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts one on a free port of the loopback and waits until it answers.
    pub(super) fn start() -> Result<Self, Fault> {
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new("taskset")
            .args(["-c", "0", "redis-server", "--bind", "127.0.0.1"])
            .args(["--port", &free.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self {
            child,
            address: free.to_string(),
        };
        let begun = Instant::now();
        while server.ask("PING").is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("redis-server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Its name and version.
    pub(super) fn version(&self) -> Result<String, Fault> {
        let info = self.ask("INFO server")?;
        Ok(format!("Redis {}", field(&info, "redis_version")?))
    }

    /// Its processor time so far.
    pub(super) fn cpu_micros(&self) -> Result<f64, Fault> {
        let info = self.ask("INFO cpu")?;
        let (user, system) = (
            field(&info, "used_cpu_user")?,
            field(&info, "used_cpu_sys")?,
        );
        Ok((user.parse::<f64>()? + system.parse::<f64>()?) * 1e6)
    }

    /// A command in one line, and the text of its answer.
    fn ask(&self, command: &str) -> Result<String, Fault> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "{command}\r\n")?;
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        stream.read_line(&mut head)?;
        let Some(length) = head.strip_prefix('$') else {
            return Ok(head);
        };
        let mut text = vec![0; length.trim().parse()?];
        stream.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

fn field<'a>(info: &'a str, name: &str) -> Result<&'a str, Fault> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    let found = info.lines().find_map(value);
    Ok(found.ok_or_else(|| format!("INFO lacks {name}"))?.trim())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
