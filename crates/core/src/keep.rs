//! Why the details of a request are kept although most are not.

use crate::outcome::{Blame, Outcome};
use crate::record::Record;

/// Why a request's span is exported although the sampler said no, and its
/// quiet events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Keep {
    /// The service or a dependency failed it.
    Failure,
    /// A panic was caught.
    Panic,
    /// It took longer than it may.
    Timeout,
    /// The client left before the end of the answer.
    Disconnect,
    /// It took over twice what one in a hundred of its route takes.
    Slow,
}

impl Keep {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Failure,
        Self::Panic,
        Self::Timeout,
        Self::Disconnect,
        Self::Slow,
    ];

    /// Reads reasons with commas between them, or `none`.
    ///
    /// ```
    /// use plimsoll_core::Keep;
    ///
    /// assert_eq!(Keep::list("panic, slow"), Ok(vec![Keep::Panic, Keep::Slow]));
    /// assert_eq!(Keep::list("none"), Ok(vec![]));
    /// assert!(Keep::list("panik").unwrap_err().contains("failure, panic"));
    /// ```
    ///
    /// # Errors
    ///
    /// When a word is no reason: names it and those there are.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        if text.trim() == "none" {
            return Ok(Vec::new());
        }
        let one = |word: &str| {
            let known = Self::ALL.into_iter().find(|keep| keep.as_str() == word);
            known.ok_or_else(|| {
                let all = Self::ALL.map(Self::as_str).join(", ");
                format!("{word:?} is none of {all}; write some of them, or none")
            })
        };
        text.split(',').map(|word| one(word.trim())).collect()
    }

    /// The label value and attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Disconnect => "disconnect",
            Self::Slow => "slow",
        }
    }

    /// The reason of a finished record, if there is one. Refusals are no
    /// failures: under overload they are most of what there is.
    pub fn of(record: &Record, slow: bool) -> Option<Self> {
        match record.outcome? {
            Outcome::Panic => Some(Self::Panic),
            Outcome::Timeout => Some(Self::Timeout),
            Outcome::ClientGoneBeforeHead | Outcome::ClientGoneMidBody => Some(Self::Disconnect),
            Outcome::Fault | Outcome::BodyError | Outcome::ShutdownAbort => Some(Self::Failure),
            Outcome::Refused => (record.blame == Some(Blame::Dependency)).then_some(Self::Failure),
            Outcome::Success | Outcome::ClientError => slow.then_some(Self::Slow),
        }
    }
}
