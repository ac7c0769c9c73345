//! What holds while the store gives no answer.

/// What a shared limit does without its store; see [`crate::Limit::outage`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outage {
    /// Requests pass, and are counted as a debt that is paid when the store is back.
    Open,
    /// Requests are refused with 503 (`PLM-3001`), never with 429: the client
    /// did nothing wrong.
    Closed,
    /// This process keeps its share of the quota: the rate and the burst
    /// divided by the number of processes, as it was last known. What passes is a
    /// debt that is paid when the store is back.
    #[default]
    LocalShare,
    /// The cells that this process holds are spent, their time over or not; then
    /// [`Outage::Closed`]. Only for leased limits.
    LastLease,
}

impl Outage {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::LocalShare => "at its local share",
            Self::LastLease => "on its last lease",
        }
    }
}
