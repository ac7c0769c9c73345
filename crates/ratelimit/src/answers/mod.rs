//! How a limiter answers: the form of its fields, who may be told apart by
//! them, and how far waits are spread.

mod form;
mod jitter;
mod partition;

pub use form::{Form, UnknownForm};
pub use jitter::Jitter;
pub use partition::{Partition, PartitionKey};

/// How a limiter answers; [`crate::Limiter::with`] takes it.
///
/// ```
/// use plimsoll_core::{Clock, peer::Trust};
/// use plimsoll_ratelimit::answers::{Answers, Form, Jitter};
/// use plimsoll_ratelimit::{Limit, Limiter, Quota};
///
/// let limits = || [Limit::per_client().quota(Quota::per_second(100))];
/// let usual = Limiter::with(limits(), Clock::system(), Trust::nobody(), Answers::default())?;
///
/// let answers = Answers::default()
///     .form(Form::XRateLimit)
///     .jitter(Jitter::share(0.25).seeded(7));
/// let older = Limiter::with(limits(), Clock::system(), Trust::nobody(), answers)?;
/// # let _ = (usual, older);
/// # Ok::<(), plimsoll_ratelimit::LimitError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Answers {
    pub(crate) form: Form,
    pub(crate) jitter: Jitter,
    pub(crate) partition: Option<Partition>,
}

impl Answers {
    /// Draft-11 fields, exact waits, no partition keys: what [`crate::Limiter::new`] takes.
    pub fn exact() -> Self {
        Self {
            jitter: Jitter::none(),
            ..Self::default()
        }
    }

    /// The form of the fields. Default: draft-11.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// How far waits are spread. Default: up to an eighth of the wait.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Tells clients which of their quotas a field speaks of (`pk`), so that
    /// processes of one client can share what they know. Default: not told.
    #[must_use]
    pub fn partition(mut self, partition: impl Into<Option<Partition>>) -> Self {
        self.partition = partition.into();
        self
    }
}
