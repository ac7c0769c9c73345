//! Catalogs joined: what a service serves, exports as `errors.json` and tools read.

use serde::Deserialize;

use crate::json::Object;
use crate::{Code, PlmCode};

/// Name and version of the document; the number grows when a field changes its
/// meaning or goes away.
pub const SCHEMA: &str = "plimsoll.errors/1";

/// The codes of one service, by ascending code.
///
/// ```
/// use plimsoll_errors::{Catalog, PlmCode};
///
/// // Plimsoll's own codes are always part of it.
/// let catalog = Catalog::of(&[])?;
/// assert_eq!(catalog.entries().len(), PlmCode::ALL.len());
/// assert_eq!(Catalog::from_json(&catalog.to_json())?, catalog);
/// # Ok::<(), plimsoll_errors::CatalogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// One code, as in the document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// `CARD-1001`.
    pub code: String,
    /// `CARD_NOT_FOUND`.
    pub reason: String,
    /// HTTP status.
    pub status: u16,
    /// gRPC status, as a word.
    pub grpc: String,
    /// `client`, `server`, `dependency` or `capacity`.
    pub blame: String,
    /// `good`, `bad` or `excluded`.
    pub slo: String,
    /// What a caller may do.
    pub retry: Advice,
    /// A few words.
    pub title: String,
    /// What the caller is told.
    pub client: String,
    /// For the support desk.
    pub support: String,
    /// For operators.
    pub operator: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Address of the runbook.
    pub runbook: Option<String>,
    /// Why no test makes the service answer with it.
    pub untested: Option<String>,
}

/// [`Retry`](crate::Retry), as in the document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Advice {
    /// `never`, `safe`, `same_key` or `after`.
    pub policy: String,
    /// How long to wait, in milliseconds.
    pub after_ms: Option<u64>,
}

/// Why there is no catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Two catalogs declare the same code.
    #[error("{0} is declared twice: give each catalog a prefix of its own (PLM is Plimsoll's)")]
    Duplicate(String),
    /// The document is not JSON or not of this form.
    #[error("not an errors.json: {0}; write it anew with the service's `errors export`")]
    Form(#[from] serde_json::Error),
    /// The document is of another version.
    #[error("the catalog says schema {0:?}, this program reads {SCHEMA:?}: use matching versions")]
    Schema(String),
}

#[derive(Deserialize)]
struct Header {
    schema: String,
}

#[derive(Deserialize)]
struct Document {
    codes: Vec<Entry>,
}

impl Catalog {
    /// Joins the catalogs of a service: `Catalog::of(&[CardCode::ALL])`.
    /// Plimsoll's own is added.
    ///
    /// # Errors
    /// [`CatalogError::Duplicate`] if two catalogs share a code.
    pub fn of(catalogs: &[&[Code]]) -> Result<Self, CatalogError> {
        let codes = catalogs.iter().copied().flatten().chain(PlmCode::ALL);
        Self::sorted(codes.map(Entry::from).collect())
    }

    /// Plimsoll's own codes alone.
    pub fn own() -> Self {
        // In order and each once, as the macro has held.
        let entries = PlmCode::ALL.iter().map(Entry::from).collect();
        Self { entries }
    }

    /// Reads what [`Catalog::to_json`] wrote.
    ///
    /// # Errors
    /// If the text is not such a document, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, CatalogError> {
        let Header { schema } = serde_json::from_str(text)?;
        if schema != SCHEMA {
            return Err(CatalogError::Schema(schema));
        }
        let Document { codes } = serde_json::from_str(text)?;
        Self::sorted(codes)
    }

    /// The document `errors.json`: the same codes give the same bytes.
    pub fn to_json(&self) -> String {
        let entries: Vec<_> = self.entries.iter().map(Entry::to_json).collect();
        let codes = entries.join(",\n    ");
        format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"codes\": [\n    {codes}\n  ]\n}}\n")
    }

    /// Every code, ascending.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn sorted(mut entries: Vec<Entry>) -> Result<Self, CatalogError> {
        entries.sort_by(|one, other| one.code.cmp(&other.code));
        let twice = entries.windows(2).find(|pair| pair[0].code == pair[1].code);
        match twice {
            Some(pair) => Err(CatalogError::Duplicate(pair[0].code.clone())),
            None => Ok(Self { entries }),
        }
    }
}

impl Entry {
    fn to_json(&self) -> String {
        let mut json = Object::entry();
        json.text("code", &self.code);
        json.text("reason", &self.reason);
        json.raw("status", self.status);
        json.text("grpc", &self.grpc);
        json.text("blame", &self.blame);
        json.text("slo", &self.slo);
        json.raw("retry", self.retry.to_json());
        json.text("title", &self.title);
        json.text("client", &self.client);
        json.text("support", &self.support);
        json.text("operator", &self.operator);
        for (key, value) in [
            ("owner", &self.owner),
            ("runbook", &self.runbook),
            ("untested", &self.untested),
        ] {
            if let Some(value) = value {
                json.text(key, value);
            }
        }
        json.finish()
    }

    /// What anybody may know: no support or operator voice, no owner.
    #[cfg(feature = "axum")]
    pub(super) fn to_public_json(&self) -> String {
        let mut json = Object::with_capacity(384);
        json.text("code", &self.code);
        json.text("reason", &self.reason);
        json.raw("status", self.status);
        json.text("title", &self.title);
        json.text("detail", &self.client);
        json.raw("retry", self.retry.to_json());
        json.finish()
    }
}

impl Advice {
    pub(super) fn to_json(&self) -> String {
        let mut json = Object::with_capacity(48);
        json.text("policy", &self.policy);
        if let Some(wait) = self.after_ms {
            json.raw("after_ms", wait);
        }
        json.finish()
    }
}

impl From<&Code> for Entry {
    fn from(code: &Code) -> Self {
        Self {
            code: code.id.into(),
            reason: code.reason.into(),
            status: code.status,
            grpc: code.grpc.as_str().into(),
            blame: code.blame.as_str().into(),
            slo: code.slo.as_str().into(),
            retry: Advice {
                policy: code.retry.as_str().into(),
                after_ms: code.retry.after().map(|wait| wait.as_millis() as u64),
            },
            title: code.title.into(),
            client: code.client.into(),
            support: code.support.into(),
            operator: code.operator.into(),
            owner: code.owner.map(Into::into),
            runbook: code.runbook.map(Into::into),
            untested: code.untested.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_declared_twice_is_refused() {
        let error = Catalog::of(&[PlmCode::ALL]).unwrap_err();
        assert!(error.to_string().starts_with("PLM-1001 is declared twice"));
    }

    #[test]
    fn a_document_that_cannot_be_read_says_why() {
        for (text, why) in [
            ("{", "line 1 column 1"),
            (r#"{"schema":"plimsoll.errors/9"}"#, "plimsoll.errors/1"),
            (
                r#"{"schema":"plimsoll.errors/1","codes":[{}]}"#,
                "missing field",
            ),
        ] {
            let error = Catalog::from_json(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
