//! What a code or a support reference means, as text for a terminal.

use std::fmt::Write as _;

use plimsoll_core::nearest::nearest;

use super::{Catalog, Entry};
use crate::reference::{self, BadReference, Reference};

/// A word further away was hardly mistyped.
const MOST_EDITS: usize = 2;
/// Of two numbers almost any are that near.
const MOST_EDITS_OF_CODE: usize = 1;

/// What [`Catalog::find`] found.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The code.
    pub entry: &'a Entry,
    /// The reference that was asked for, if it was one.
    pub reference: Option<Reference>,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The catalog has no such code.
    #[error("the catalog has no {code}; {hint}")]
    Unknown {
        /// What was asked for.
        code: String,
        /// What it has instead.
        hint: String,
    },
    /// Neither a code nor a reason nor a reference.
    #[error(
        "{text:?} is neither a code nor a reason of the catalog{hint}, and as a reference: {why}"
    )]
    Reference {
        /// What was asked for.
        text: String,
        /// What may have been meant, if anything is near.
        hint: String,
        /// What is wrong with it.
        #[source]
        why: BadReference,
    },
}

impl Catalog {
    /// Finds a code (`CARD-1001`), a reason (`CARD_NOT_FOUND`), the address of a
    /// page (`https://api.example.test/errors/CARD-1001`) or the code of a
    /// support reference (`CARD-1001-7KQ4-M2PX`), in any case.
    ///
    /// # Errors
    /// If the catalog does not have it, or the reference's check fails.
    pub fn find(&self, text: &str) -> Result<Found<'_>, ExplainError> {
        let text = of_address(text.trim());
        let is_named = |entry: &&Entry| {
            entry.code.eq_ignore_ascii_case(text) || entry.reason.eq_ignore_ascii_case(text)
        };
        if let Some(entry) = self.entries().iter().find(is_named) {
            let reference = None;
            return Ok(Found { entry, reference });
        }
        if looks_like_code(text) {
            return Err(self.unknown(&text.to_ascii_uppercase()));
        }
        let reference = reference::parse(text).map_err(|why| ExplainError::Reference {
            text: text.into(),
            hint: self.did_you_mean(text),
            why,
        })?;
        let of_it = |entry: &&Entry| entry.code == reference.code();
        let entry = self.entries().iter().find(of_it);
        let entry = entry.ok_or_else(|| self.unknown(reference.code()))?;
        let reference = Some(reference);
        Ok(Found { entry, reference })
    }

    /// One line for each code: code, status, blame, title.
    pub fn list(&self) -> String {
        let mut out = String::new();
        for entry in self.entries() {
            let Entry {
                code,
                status,
                blame,
                title,
                ..
            } = entry;
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{code:<13} {status}  {blame:<10}  {title}");
        }
        out
    }

    /// `; did you mean CARD-1001?`, or nothing.
    fn did_you_mean(&self, text: &str) -> String {
        let asked = text.to_ascii_uppercase();
        let entries = self.entries().iter();
        let known = entries.flat_map(|entry| [entry.code.as_str(), entry.reason.as_str()]);
        let edits = if looks_like_code(text) {
            MOST_EDITS_OF_CODE
        } else {
            MOST_EDITS
        };
        let near = nearest(&asked, known, edits);
        match near.as_slice() {
            [] => String::new(),
            near => format!("; did you mean {}?", near.join(" or ")),
        }
    }

    fn unknown(&self, code: &str) -> ExplainError {
        let prefix = code.split('-').next().unwrap_or(code);
        let of_prefix = |entry: &&Entry| entry.code.split('-').next() == Some(prefix);
        let same: Vec<_> = self.entries().iter().filter(of_prefix).collect();
        let hint = match (same.first(), same.last()) {
            (Some(low), Some(high)) => {
                format!("its {prefix} codes go from {} to {}", low.code, high.code)
            }
            _ => format!(
                "it has no codes that begin with {prefix}: is it the catalog of another service?"
            ),
        };
        ExplainError::Unknown {
            code: code.into(),
            hint: format!("{hint}{}", self.did_you_mean(code)),
        }
    }
}

/// The last part of the path, if the text is an address.
fn of_address(text: &str) -> &str {
    let path = text.split(['?', '#']).next().unwrap_or(text);
    let last = path.trim_end_matches('/').rsplit_once('/');
    last.map_or(text, |(_, last)| last)
}

/// `CARD-1001`: one dash, digits after it.
fn looks_like_code(text: &str) -> bool {
    let digits = text.split_once('-').map(|(_, number)| number);
    digits.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Explains a code, a reason or a support reference.
///
/// ```
/// use plimsoll_errors::{Catalog, explain};
///
/// let catalog = Catalog::of(&[])?;
/// let text = explain(&catalog, "plm-3002")?;
/// assert!(text.starts_with("PLM-3002  Overloaded\n"));
/// assert!(explain(&catalog, "PLM-9999").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Catalog::find`].
pub fn explain(catalog: &Catalog, text: &str) -> Result<String, ExplainError> {
    Ok(catalog.find(text)?.to_string())
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entry = self.entry;
        writeln!(f, "{}  {}", entry.code, entry.title)?;
        writeln!(f, "  reason    {}", entry.reason)?;
        writeln!(f, "  answered  HTTP {}, gRPC {}", entry.status, entry.grpc)?;
        writeln!(
            f,
            "  blame     {}; an SLO counts it {}",
            entry.blame, entry.slo
        )?;
        let retry = &entry.retry;
        write!(f, "  retry     {}: {}", retry.policy, retry.meaning())?;
        match entry.retry.after_ms {
            Some(wait) => writeln!(f, " ({wait} ms unless the answer says otherwise)")?,
            None => writeln!(f)?,
        }
        for (name, value) in [("owner", &entry.owner), ("runbook", &entry.runbook)] {
            if let Some(value) = value {
                writeln!(f, "  {name:<8}  {value}")?;
            }
        }
        for (name, text) in [
            ("The client is told", &entry.client),
            ("For the support desk", &entry.support),
            ("For operators", &entry.operator),
        ] {
            writeln!(f, "\n{name}\n  {text}")?;
        }
        if let Some(reference) = &self.reference {
            let tail = reference.trace_tail();
            writeln!(f, "\nReference {reference}")?;
            writeln!(
                f,
                "  Search the logs for it; the request's trace id ends in {tail}."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlmCode;
    use plimsoll_core::ids::TraceId;

    #[test]
    fn a_reference_is_explained_and_a_mistyped_one_is_caught() {
        let catalog = Catalog::of(&[]).unwrap();
        let shown = reference::make(PlmCode::TimedOut.code(), TraceId(0xabcd_1234)).to_string();
        let text = explain(&catalog, &shown).unwrap();
        assert!(text.contains("PLM-3004  Timed out"), "{text}");
        assert!(text.contains("ends in abcd1234"), "{text}");
        let wrong = shown.replace("3004", "3003");
        let error = explain(&catalog, &wrong).unwrap_err().to_string();
        assert!(error.contains("check character"), "{error}");
    }

    #[test]
    fn the_address_of_a_page_is_explained() {
        let catalog = Catalog::of(&[]).unwrap();
        for address in [
            "/errors/PLM-3004",
            "https://api.example.test/errors/plm-3004",
            "http://localhost:8080/errors/PLM-3004/?from=mail#top",
        ] {
            let found = catalog.find(address).unwrap();
            assert_eq!((&*found.entry.code, found.reference), ("PLM-3004", None));
        }
        let error = catalog.find("https://example.test/").unwrap_err();
        assert!(error.to_string().contains("neither"), "{error}");
    }

    #[test]
    fn what_was_nearly_right_is_suggested() {
        let catalog = Catalog::of(&[]).unwrap();
        for (asked, hint) in [
            ("PLM-3040", "did you mean PLM-30"),
            ("plm-300", "did you mean PLM-3001 or "),
            ("TIMED_OTU", "did you mean TIMED_OUT?"),
            ("time_out", "did you mean TIMED_OUT?"),
        ] {
            let error = explain(&catalog, asked).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn an_unknown_code_says_what_there_is() {
        let catalog = Catalog::of(&[]).unwrap();
        for (asked, hint) in [
            ("plm-1999", "from PLM-1001 to PLM-5"),
            ("CARD-1001", "no codes that begin with CARD"),
            ("what?", "'?'"),
        ] {
            let error = explain(&catalog, asked).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
        assert_eq!(catalog.find("timed_out").unwrap().entry.status, 504);
        assert_eq!(catalog.list().lines().count(), PlmCode::ALL.len());
    }
}
