use std::fmt;
use std::str::FromStr;

/// The form in which limits are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11:
    /// every policy by name, r and t.
    #[default]
    Draft11,
    /// The same fields as draft-07 had them: `limit=`, `remaining=`, `reset=` of
    /// the tightest policy.
    Draft7,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` of the tightest policy; the
    /// reset in seconds from now.
    XRateLimit,
    /// Nothing but `Retry-After`.
    Off,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Draft11, Self::Draft7, Self::XRateLimit, Self::Off];

    /// The word of the setting `limit_headers`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft11 => "draft-11",
            Self::Draft7 => "draft-7",
            Self::XRateLimit => "x-ratelimit",
            Self::Off => "off",
        }
    }
}

/// A word that is no [`Form`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownForm(String);

impl fmt::Display for UnknownForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is none of draft-11, draft-7, x-ratelimit, off",
            self.0
        )
    }
}

impl std::error::Error for UnknownForm {}

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(word: &str) -> Result<Self, UnknownForm> {
        let found = Self::ALL.into_iter().find(|form| form.as_str() == word);
        found.ok_or_else(|| UnknownForm(word.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_are_those_of_the_setting() {
        for form in Form::ALL {
            assert_eq!(form.as_str().parse(), Ok(form));
            assert!(plimsoll_core::settings::LIMIT_HEADERS.contains(&form.as_str()));
        }
        assert!(
            "draft-9"
                .parse::<Form>()
                .unwrap_err()
                .to_string()
                .contains("draft-11")
        );
    }
}
