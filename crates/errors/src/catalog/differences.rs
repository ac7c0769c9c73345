//! What changed between two states of a catalog and its lock.

use plimsoll_errors_lock::{Change, Lock, Published};

use super::{Catalog, Entry};

/// Of what kind a [`Difference`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something that was published changed or is gone: somebody is hurt.
    Broken,
    /// A code is no longer given, and the lock says why.
    Retired,
    /// A new code.
    Added,
    /// What readers are told, who answers for it or how long a wait is.
    Text,
}

impl Kind {
    /// The word in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Retired => "retired",
            Self::Added => "added",
            Self::Text => "text",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Of what kind.
    pub kind: Kind,
    /// The code, as it was before.
    pub code: String,
    /// What changed and, if that hurts, what to do.
    pub told: String,
}

/// A catalog and the lock beside it, as they were at one time. Either may have
/// been missing.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The catalog.
    pub catalog: Option<Catalog>,
    /// The lock.
    pub lock: Lock,
}

impl State {
    /// Everything that was published then: the lines of the lock and the codes
    /// of the catalog.
    fn published(&self) -> Lock {
        let mut all = self.lock.clone();
        let entries = self.entries().iter().map(Entry::published);
        all.append(&entries.collect::<Vec<_>>());
        all
    }

    fn entries(&self) -> &[Entry] {
        self.catalog.as_ref().map_or(&[], Catalog::entries)
    }

    /// What is different from `base`, by ascending code.
    ///
    /// A lock that was edited to let a change pass does not hide it here: the
    /// lock of `base` counts.
    ///
    /// ```
    /// use plimsoll_errors::Catalog;
    /// use plimsoll_errors::catalog::{Kind, State};
    ///
    /// let before = State::default();
    /// let now = State { catalog: Some(Catalog::of(&[])?), ..State::default() };
    /// assert!(now.differences(&before).iter().all(|it| it.kind == Kind::Added));
    /// assert!(before.differences(&now).iter().all(|it| it.kind == Kind::Broken));
    /// # Ok::<(), plimsoll_errors::CatalogError>(())
    /// ```
    pub fn differences(&self, base: &Self) -> Vec<Difference> {
        let before = base.published();
        let now: Vec<_> = self.entries().iter().map(Entry::published).collect();
        let changes = before.compare(&now).into_iter();
        let mut all: Vec<_> = changes.map(|change| self.difference(&change)).collect();
        all.extend(self.forgotten(&before));
        all.extend(base.entries().iter().filter_map(|was| self.text(was)));
        all.sort_by(|one, other| one.code.cmp(&other.code));
        all
    }

    fn difference(&self, change: &Change) -> Difference {
        let code = change.code().to_owned();
        match change {
            Change::Added(Published { reason, .. }) => Difference {
                kind: Kind::Added,
                told: format!("{code} {reason}"),
                code,
            },
            Change::Removed(Published { reason, .. }) => {
                let why = self.lock.find(&code).and_then(|it| it.retired.as_ref());
                match why {
                    Some(why) => Difference {
                        kind: Kind::Retired,
                        told: format!("{code} {reason}: {why}"),
                        code,
                    },
                    None => broken(code, change.to_string()),
                }
            }
            other => broken(code, other.to_string()),
        }
    }

    /// Codes that were retired and of which the lock no longer says so: their
    /// numbers could be given again.
    fn forgotten(&self, before: &Lock) -> Vec<Difference> {
        let retired = before.records().iter().filter(|it| it.retired.is_some());
        let is_forgotten = |code: &str| {
            let now = self.lock.find(code);
            now.is_none_or(|it| it.retired.is_none())
                && !self.entries().iter().any(|it| it.code == code)
        };
        retired
            .map(|record| record.published.code.clone())
            .filter(|code| is_forgotten(code))
            .map(|code| {
                let told = format!(
                    "{code} was retired and errors.lock no longer says so: put both of its lines \
                     back, its number is never given again"
                );
                broken(code, told)
            })
            .collect()
    }

    fn text(&self, was: &Entry) -> Option<Difference> {
        let now = self.entries().iter().find(|now| now.code == was.code)?;
        let fields = [
            ("title", was.title != now.title),
            ("client", was.client != now.client),
            ("support", was.support != now.support),
            ("operator", was.operator != now.operator),
            ("owner", was.owner != now.owner),
            ("runbook", was.runbook != now.runbook),
            ("wait", was.retry.after_ms != now.retry.after_ms),
        ];
        let changed = fields.into_iter().filter(|(_, changed)| *changed);
        let changed: Vec<_> = changed.map(|(name, _)| name).collect();
        (!changed.is_empty()).then(|| Difference {
            kind: Kind::Text,
            code: was.code.clone(),
            told: format!("{} {}: {}", was.code, was.reason, changed.join(", ")),
        })
    }
}

fn broken(code: String, told: String) -> Difference {
    Difference {
        kind: Kind::Broken,
        code,
        told,
    }
}
