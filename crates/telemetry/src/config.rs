//! What the caller may choose.

use std::fmt;
use std::str::FromStr;

/// Whether a signal is ours, the host's, or nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// We make it and, on `install`, take the process's global for it.
    #[default]
    Own,
    /// The host has it; what we know is added to it and no global is taken.
    Join,
    /// Nothing is made.
    Off,
}

/// A word that is none of `own`, `join`, `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOwnership(String);

impl fmt::Display for UnknownOwnership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of own, join, off", self.0)
    }
}

impl std::error::Error for UnknownOwnership {}

impl FromStr for Ownership {
    type Err = UnknownOwnership;

    fn from_str(word: &str) -> Result<Self, UnknownOwnership> {
        match word {
            "own" => Ok(Self::Own),
            "join" => Ok(Self::Join),
            "off" => Ok(Self::Off),
            _ => Err(UnknownOwnership(word.into())),
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "own",
            Self::Join => "join",
            Self::Off => "off",
        })
    }
}

/// A setting that could not be used; the service runs on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The variable or key.
    pub setting: String,
    /// What is wrong and what was done instead.
    pub problem: String,
}

impl Warning {
    /// A warning about `setting`.
    pub fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}
