//! What a catalog changes of what was published, and what to do instead.

use std::fmt;

use crate::{Lock, Published, Record};

/// What of a code changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// Its name in UPPER_SNAKE.
    Reason,
    /// HTTP status.
    Status,
    /// gRPC status.
    Grpc,
    /// Whose fault it is.
    Blame,
    /// What a caller may do.
    Retry,
    /// How an SLO counts it.
    Slo,
}

impl Field {
    /// The word of the lock.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Status => "status",
            Self::Grpc => "grpc",
            Self::Blame => "blame",
            Self::Retry => "retry",
            Self::Slo => "slo",
        }
    }
}

/// One difference between a lock and a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A code that is not published yet.
    Added(Published),
    /// A published code is gone without having been retired.
    Removed(Published),
    /// A published code has another number.
    Renumbered {
        /// As published.
        was: Published,
        /// Its code in the catalog.
        now: String,
    },
    /// A published code means something else.
    Changed {
        /// As published.
        was: Published,
        /// What of it.
        field: Field,
        /// As published.
        from: String,
        /// In the catalog.
        to: String,
    },
    /// The number of a retired code is given again.
    Reused {
        /// As published, before it was retired.
        was: Published,
        /// Why it was retired.
        why: String,
    },
    /// The reason of a retired code is given again under another number.
    ReasonReused {
        /// The retired code.
        was: Published,
        /// The code that now has its reason.
        now: String,
    },
}

impl Change {
    /// Whether somebody who relies on what was published is hurt.
    pub const fn is_breaking(&self) -> bool {
        !matches!(self, Self::Added(_))
    }

    /// The code it is about, as published.
    pub fn code(&self) -> &str {
        match self {
            Self::Added(it) | Self::Removed(it) => &it.code,
            Self::Renumbered { was, .. }
            | Self::Changed { was, .. }
            | Self::Reused { was, .. }
            | Self::ReasonReused { was, .. } => &was.code,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(Published { code, reason, .. }) => {
                write!(f, "{code} {reason} is not published yet")
            }
            Self::Removed(Published { code, reason, .. }) => write!(
                f,
                "{code} {reason} is published and gone from the catalog: put it back, or retire it \
                 by the line `{code} retired: why` below its line in errors.lock"
            ),
            Self::Renumbered { was, now } => write!(
                f,
                "{reason} is published as {code} and is now {now}: give it its number back; a \
                 published number never changes",
                reason = was.reason,
                code = was.code,
            ),
            Self::Changed {
                was,
                field,
                from,
                to,
            } => write!(
                f,
                "{code} {reason} is published with {field} {from} and now has {to}: put it back, \
                 or declare a new code and retire this one by the line `{code} retired: why` below \
                 its line in errors.lock",
                code = was.code,
                reason = was.reason,
                field = field.as_str(),
            ),
            Self::Reused { was, why } => write!(
                f,
                "{code} is retired ({why}) and its number is never given again: use another one",
                code = was.code,
            ),
            Self::ReasonReused { was, now } => write!(
                f,
                "{now} has the reason {reason} of the retired {code}: choose another name, so that \
                 nobody takes one for the other",
                reason = was.reason,
                code = was.code,
            ),
        }
    }
}

pub(crate) fn compare(lock: &Lock, catalog: &[Published]) -> Vec<Change> {
    let mut changes: Vec<_> = lock
        .records()
        .iter()
        .flat_map(|record| of_record(record, catalog))
        .collect();
    let of_record = |code: &str| lock.find(code).is_some();
    let renumbered: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Renumbered { now, .. } | Change::ReasonReused { now, .. } => Some(now.clone()),
            _ => None,
        })
        .collect();
    let is_new = |it: &&Published| !of_record(&it.code) && !renumbered.contains(&it.code);
    changes.extend(catalog.iter().filter(is_new).cloned().map(Change::Added));
    changes.sort_by(|one, other| one.code().cmp(other.code()));
    changes
}

fn of_record(record: &Record, catalog: &[Published]) -> Vec<Change> {
    let was = &record.published;
    let same_code = catalog.iter().find(|now| now.code == was.code);
    let of_reason = |now: &&Published| now.reason == was.reason && now.prefix() == was.prefix();
    let same_reason = catalog.iter().find(of_reason);
    match (&record.retired, same_code, same_reason) {
        (Some(why), Some(_), _) => vec![Change::Reused {
            was: was.clone(),
            why: why.clone(),
        }],
        (Some(_), None, Some(now)) => vec![Change::ReasonReused {
            was: was.clone(),
            now: now.code.clone(),
        }],
        (Some(_), None, None) => Vec::new(),
        (None, _, Some(now)) if now.code != was.code => vec![Change::Renumbered {
            was: was.clone(),
            now: now.code.clone(),
        }],
        (None, Some(now), _) => of_fields(was, now),
        (None, None, _) => vec![Change::Removed(was.clone())],
    }
}

fn of_fields(was: &Published, now: &Published) -> Vec<Change> {
    let (from_status, to_status) = (was.status.to_string(), now.status.to_string());
    [
        (Field::Reason, &was.reason, &now.reason),
        (Field::Status, &from_status, &to_status),
        (Field::Grpc, &was.grpc, &now.grpc),
        (Field::Blame, &was.blame, &now.blame),
        (Field::Retry, &was.retry, &now.retry),
        (Field::Slo, &was.slo, &now.slo),
    ]
    .into_iter()
    .filter(|(_, from, to)| from != to)
    .map(|(field, from, to)| Change::Changed {
        was: was.clone(),
        field,
        from: from.clone(),
        to: to.clone(),
    })
    .collect()
}
