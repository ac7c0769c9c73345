//! A stack as a service in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use super::Case;
use crate::Fault;

/// A service; ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its end is the service's.
    input: Option<ChildStdin>,
    address: SocketAddr,
}

/// What the kernel counts in: the clock ticks of `proc(5)`, 100 a second on Linux.
const TICK: Duration = Duration::from_millis(10);

impl Server {
    pub(super) fn start(command: &mut Command, case: &Case) -> Result<Self, Fault> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse();
        let address = address.map_err(|_| format!("{case}: {line:?} is no address"));
        let mut server = Self {
            child,
            input,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        server.address = address?;
        Ok(server)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What all its threads have used of processors so far, to 10 ms.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn cpu(&self) -> Result<Duration, Fault> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may hold anything; after it, `utime` and `stime`
        // are fields 14 and 15 of proc(5), the state being field 3.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in a stat file")?;
        let ticks: Result<Vec<u32>, _> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect();
        Ok(TICK * ticks?.iter().sum::<u32>())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its last flush is none of a measure's; a child that is gone needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
