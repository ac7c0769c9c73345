//! The names that clients may ask for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::wire::{MAX_NAME, Told};
use crate::health::{Health, Probe};

/// Most names.
const MAX_SERVICES: usize = 256;

/// Most streams of `Watch` at once.
const MAX_WATCHES: usize = 1_024;

/// The three probes, for a kubelet that asks by gRPC.
const PROBES: [(&str, Probe); 3] = [
    ("livez", Probe::Live),
    ("readyz", Probe::Ready),
    ("startupz", Probe::Startup),
];

/// What a [`Health`] knows for gRPC.
#[derive(Debug, Default)]
pub(crate) struct Services {
    known: RwLock<BTreeMap<Box<str>, Arc<AtomicBool>>>,
    pub(super) changed: Notify,
    watches: AtomicUsize,
    refused: AtomicU64,
}

/// A gRPC service by its full name, made by [`Health::grpc_service`]. It serves
/// while the instance is ready, unless it says otherwise.
#[derive(Debug, Clone)]
pub struct GrpcService {
    health: Health,
    serving: Arc<AtomicBool>,
}

/// Why a name cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrpcServiceError {
    /// It is empty, longer than 256 bytes, or that of a probe.
    #[error(
        "a gRPC service is named by 1 to {MAX_NAME} bytes, other than livez, readyz and startupz"
    )]
    Name,
    /// There are too many.
    #[error("{MAX_SERVICES} gRPC services are known already; ask for the whole server instead")]
    TooMany,
}

impl GrpcService {
    /// Whether this service may have calls while the instance is ready.
    pub fn serving(&self, may: bool) {
        self.serving.store(may, Ordering::Release);
        self.health.0.services.changed.notify_waiters();
    }
}

impl Health {
    /// Makes a name known to gRPC clients, or finds it again. Without it
    /// `Check` answers NOT_FOUND.
    ///
    /// # Errors
    /// When the name is not one, or there are too many.
    pub fn grpc_service(&self, name: &str) -> Result<GrpcService, GrpcServiceError> {
        if name.is_empty()
            || name.len() > MAX_NAME
            || PROBES.iter().any(|(probe, _)| *probe == name)
        {
            return Err(GrpcServiceError::Name);
        }
        let services = &self.0.services;
        let mut known = services
            .known
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SERVICES && !known.contains_key(name) {
            return Err(GrpcServiceError::TooMany);
        }
        let serving = known.entry(name.into());
        let serving = serving.or_insert_with(|| Arc::new(AtomicBool::new(true)));
        let serving = Arc::clone(serving);
        drop(known);
        services.changed.notify_waiters();
        Ok(GrpcService {
            health: self.clone(),
            serving,
        })
    }

    /// Streams of gRPC's `Watch` that are open.
    pub fn watches(&self) -> u64 {
        self.0.services.watches.load(Ordering::Relaxed) as u64
    }

    /// Streams of gRPC's `Watch` that found no room: more than 1,024 at once.
    pub fn watches_refused(&self) -> u64 {
        self.0.services.refused.load(Ordering::Relaxed)
    }

    /// What a client is told of a name; `None` when it is not known.
    pub(super) fn serving(&self, name: &str) -> Option<Told> {
        if name.is_empty() {
            return Some(Told::of(self.passes(Probe::Ready)));
        }
        if let Some((_, probe)) = PROBES.iter().find(|(probe, _)| *probe == name) {
            return Some(Told::of(self.passes(*probe)));
        }
        let known = self.0.services.known.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let may = known.get(name)?.load(Ordering::Acquire);
        Some(Told::of(may && self.passes(Probe::Ready)))
    }

    /// Every name, the whole server's first.
    pub(super) fn all_serving(&self) -> Vec<(String, Told)> {
        let known = self.0.services.names();
        let probes = PROBES.iter().map(|(name, _)| (*name).to_owned());
        let names = [String::new()].into_iter().chain(probes).chain(known);
        let row = |name: String| Some((name.clone(), self.serving(&name)?));
        names.filter_map(row).collect()
    }
}

/// One stream of `Watch`.
#[derive(Debug)]
pub(super) struct Seat(Health);

impl Seat {
    pub(super) fn take(health: &Health) -> Option<Self> {
        let services = &health.0.services;
        let seat = Self(health.clone());
        if services.watches.fetch_add(1, Ordering::AcqRel) < MAX_WATCHES {
            return Some(seat);
        }
        services.refused.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.services.watches.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Services {
    fn names(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys().map(|name| name.clone().into()).collect()
    }
}
