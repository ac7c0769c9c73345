//! The scripts, and a batch of calls as one script call.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::store::{Call, Kind, Told};

const DECIDE: &str = include_str!("decide.lua");
const NODES: &str = include_str!("nodes.lua");

/// A script and the name under which the server knows it while it runs.
#[derive(Debug, Clone)]
struct Script {
    text: &'static str,
    name: String,
}

/// The scripts of a connection.
#[derive(Debug, Clone)]
pub(super) struct Scripts {
    decide: Script,
    nodes: Script,
}

impl Scripts {
    /// Makes the scripts known to the server.
    pub(super) async fn load(connection: &mut MultiplexedConnection) -> Result<Self, RedisError> {
        let mut both = redis::pipe();
        for text in [DECIDE, NODES] {
            both.cmd("SCRIPT").arg("LOAD").arg(text);
        }
        let (decide, nodes) = both.query_async(connection).await?;
        Ok(Self {
            decide: Script {
                text: DECIDE,
                name: decide,
            },
            nodes: Script {
                text: NODES,
                name: nodes,
            },
        })
    }

    /// Decides the calls together; with the time by which the server did, in
    /// nanoseconds since the Unix epoch.
    pub(super) async fn decide<'a>(
        &self,
        connection: &mut MultiplexedConnection,
        calls: impl Iterator<Item = &'a Call> + Clone,
    ) -> Result<(u64, Vec<Told>), RedisError> {
        let keys = calls.clone().map(|call| call.wants.len()).sum();
        let packed = pack(calls.clone());
        let fill = |command: &mut Cmd| {
            for want in calls.clone().flat_map(|call| &call.wants) {
                command.arg(want.key.as_bytes());
            }
            command.arg(&packed);
        };
        let told = self.decide.run(connection, keys, fill).await?;
        unpack(told, calls).ok_or_else(|| {
            RedisError::from((
                ErrorKind::UnexpectedReturnType,
                "not what the script answers",
            ))
        })
    }

    /// Says that this node lives, and how many do.
    pub(super) async fn nodes(
        &self,
        connection: &mut MultiplexedConnection,
        key: &str,
        node: u64,
        gone_ms: u64,
    ) -> Result<u32, RedisError> {
        let fill = |command: &mut Cmd| {
            command.arg(key).arg(format!("{node:016x}")).arg(gone_ms);
        };
        let count = self.nodes.run(connection, 1, fill).await?;
        Ok(redis::from_redis_value(count)?)
    }
}

impl Script {
    /// By its name; by its text when the server forgot it (a restart, `SCRIPT FLUSH`).
    async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        keys: usize,
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value, RedisError> {
        let command = |how: &str, script: &str| {
            let mut command = Cmd::new();
            command.arg(how).arg(script).arg(keys);
            fill(&mut command);
            command
        };
        let named = command("EVALSHA", &self.name);
        let forgotten = ErrorKind::Server(ServerErrorKind::NoScript);
        let told = connection.send_packed_command(&named).await;
        match told.and_then(Value::extract_error) {
            Err(error) if error.kind() == forgotten => {
                let whole = command("EVAL", self.text);
                connection
                    .send_packed_command(&whole)
                    .await?
                    .extract_error()
            }
            told => told,
        }
    }
}

/// The calls as `decide.lua` reads them.
fn pack<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<u8> {
    let mut packed = Vec::with_capacity(64 * 26);
    for call in calls {
        let kind = match call.kind {
            Kind::All => 0,
            Kind::Most => 1,
            Kind::Debit | Kind::Credit(_) => 2,
        };
        packed.extend([kind, call.wants.len() as u8]);
        for want in &call.wants {
            let (unit, amount) = match call.kind {
                // Nanoseconds are its cells.
                Kind::Credit(nanos) => (1.0, -(nanos as f64)),
                _ => (want.gcra.interval() as f64, f64::from(want.cells)),
            };
            for number in [unit, want.gcra.limit() as f64, amount] {
                packed.extend(number.to_le_bytes());
            }
        }
    }
    packed
}

/// The script's answer: the time, then each call's share.
fn unpack<'a>(told: Value, calls: impl Iterator<Item = &'a Call>) -> Option<(u64, Vec<Told>)> {
    let Value::Array(numbers) = told else {
        return None;
    };
    let mut numbers = numbers.into_iter().map(|number| match number {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    });
    let (seconds, nanos) = (numbers.next()??, numbers.next()??);
    let time = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    let told = |call: &Call| {
        Some(Told {
            granted: u32::try_from(numbers.next()??).ok()?,
            backlogs: (0..call.wants.len())
                .map(|_| numbers.next()?)
                .collect::<Option<_>>()?,
        })
    };
    Some((time, calls.map(told).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests;
