//! Those that decide, by one multiplexed connection each.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use plimsoll_bench_ours::Fault;
use plimsoll_ratelimit::Quota;
use plimsoll_ratelimit::gcra::Gcra;
use plimsoll_ratelimit::store::{Call, Kind, Redis, Store as _, Want};
use redis::aio::MultiplexedConnection;

/// A limiter by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Who {
    /// Ours, each decision the store's.
    Ours,
    /// A plain script by redis-rs.
    RedisRs,
    /// The same by fred.
    Fred,
    /// Ours, by cells that the process holds.
    Leased,
    /// How much two of those admit of one quota.
    Overshoot,
}

impl Who {
    /// Those whose decisions are the store's.
    pub(super) const EXACT: [Self; 3] = [Self::Ours, Self::RedisRs, Self::Fred];

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::RedisRs => "redis-rs",
            Self::Fred => "fred",
            Self::Leased => "leased",
            Self::Overshoot => "overshoot",
        }
    }
}

/// A thousand a second for each key.
pub(super) const QUOTA: Quota = Quota::per_second(1_000);

/// As patient as the peers' clients are: what a decision took is measured, not cut.
const PATIENCE: Duration = Duration::from_millis(500);

/// The plain script and its words: the same quota.
const PLAIN: &str = include_str!("plain.lua");
const WORDS: [&str; 3] = ["1000", "1000", "1"];

/// Decides whether a key's request passes; `None` when there was no answer.
pub(super) trait Decides: Send + Sync + 'static {
    fn decide(&self, key: &Arc<str>) -> impl Future<Output = Option<bool>> + Send;
}

pub(super) struct Ours(pub(super) Redis, pub(super) Gcra);

impl Ours {
    pub(super) fn connect(address: &str) -> Result<Self, Fault> {
        let store = Redis::open(&format!("redis://{address}"))?.deadline(PATIENCE);
        Ok(Self(store, QUOTA.check()?))
    }
}

impl Decides for Ours {
    async fn decide(&self, key: &Arc<str>) -> Option<bool> {
        let call = Call {
            kind: Kind::All,
            wants: vec![Want {
                key: Arc::clone(key),
                gcra: self.1,
                cells: 1,
            }],
        };
        let told = self.0.call(call).await.ok()?;
        Some(told.granted > 0)
    }
}

pub(super) struct RedisRs(MultiplexedConnection, String);

impl RedisRs {
    pub(super) async fn connect(address: &str) -> Result<Self, Fault> {
        let client = redis::Client::open(format!("redis://{address}"))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut load = redis::cmd("SCRIPT");
        let name = load.arg("LOAD").arg(PLAIN).query_async(&mut connection);
        let name = name.await?;
        Ok(Self(connection, name))
    }
}

impl Decides for RedisRs {
    async fn decide(&self, key: &Arc<str>) -> Option<bool> {
        let mut connection = self.0.clone();
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.1).arg(1).arg(&**key).arg(&WORDS);
        let told: [i64; 3] = command.query_async(&mut connection).await.ok()?;
        Some(told[0] == 1)
    }
}

pub(super) struct Fred(fred::clients::Client, String);

impl Fred {
    pub(super) async fn connect(address: &str) -> Result<Self, Fault> {
        let config = fred::types::config::Config::from_url(&format!("redis://{address}"))?;
        let client = fred::types::Builder::from_config(config).build()?;
        client.init().await?;
        let name = client.script_load(PLAIN).await?;
        Ok(Self(client, name))
    }
}

impl Decides for Fred {
    async fn decide(&self, key: &Arc<str>) -> Option<bool> {
        let (name, words) = (self.1.as_str(), WORDS.to_vec());
        let told: Vec<i64> = self.0.evalsha(name, &**key, words).await.ok()?;
        Some(told.first() == Some(&1))
    }
}
