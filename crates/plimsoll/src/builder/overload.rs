//! What gives way when there is more to do than can be done.

use plimsoll_core::Clock;
use plimsoll_core::settings::Settings;
use plimsoll_ratelimit::overload::Watch;
use plimsoll_ratelimit::{ConcurrencyLayer, ConcurrencyLimit, Overload, OverloadError};

use super::Builder;

impl Builder {
    /// How critical requests are, and what that means under overload. Default:
    /// they are all alike.
    ///
    /// ```
    /// use plimsoll::{Criticality, Overload, Plimsoll};
    ///
    /// # fn main() -> Result<(), plimsoll::Error> {
    /// let overload = Overload::new()
    ///     .route("/transactions", Criticality::CriticalPlus)
    ///     .route("/report", Criticality::Sheddable);
    /// let plimsoll = Plimsoll::builder("card-service").overload(overload).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn overload(mut self, overload: Overload) -> Self {
        self.overload = Some(overload);
        self
    }

    /// What an operator may say of it.
    pub(super) fn apply_overload(&mut self, settings: &Settings) {
        let header = settings.get("criticality_header");
        let deadline = settings.get("deadline_header");
        let shares = settings.parse("shed_shares");
        let memory = settings.parse("pressure_memory");
        let delay = settings.parse("pressure_delay");
        let silent = header.is_none() && deadline.is_none() && shares.is_none();
        if silent && memory.is_none() && delay.is_none() {
            return;
        }
        let mut overload = self.overload.take().unwrap_or_default();
        if let Some(header) = header {
            overload = overload.header(header);
        }
        if let Some(header) = deadline {
            overload = overload.deadline_header(header);
        }
        if let Some(shares) = shares {
            overload = overload.shares(shares);
        }
        if let Some(trigger) = memory {
            overload = overload.memory(trigger);
        }
        if let Some(trigger) = delay {
            overload = overload.delay(trigger);
        }
        self.overload = Some(overload);
    }

    pub(super) fn overload_in_code(&self, key: &str) -> Option<String> {
        let overload = self.overload.as_ref()?;
        match key {
            "shed_shares" => Some(overload.shares_set().to_string()),
            "pressure_memory" => Some(overload.memory_set().to_string()),
            "pressure_delay" => Some(overload.delay_set().to_string()),
            "criticality_header" => overload.header_set().map(str::to_owned),
            "deadline_header" => overload.deadline_header_set().map(str::to_owned),
            _ => None,
        }
    }
}

/// The layer of the concurrency limit, and what watches over it.
pub(super) fn layer(
    limit: ConcurrencyLimit,
    overload: Option<Overload>,
    clock: &Clock,
) -> Result<(ConcurrencyLayer, Watch), OverloadError> {
    let layer = ConcurrencyLayer::new(limit.clone());
    let Some(overload) = overload else {
        return Ok((layer, Watch::new(limit, &Overload::new())));
    };
    let overload = overload.clock(clock.clone());
    Ok((layer.overload(&overload)?, Watch::new(limit, &overload)))
}
