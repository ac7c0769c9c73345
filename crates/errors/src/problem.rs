//! The wire form of a failure: RFC 9457, `application/problem+json`.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::Refusal;
use plimsoll_core::ids::Ids;

use crate::json::{Object, escape, number};
use crate::public::{DETAIL_CHARS, one_line};
use crate::types::Types;
use crate::{Code, Fault, FieldFault, Grpc, reference};

/// The media type of RFC 9457.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// Where `type` points when no public base is configured: relative to the service.
pub const RELATIVE_BASE: &str = "/errors";

/// Bytes of a text that a thread keeps for the next problem.
const KEPT_BYTES: usize = 8_192;

/// Most wrong fields that one problem tells.
pub const MAX_FIELDS: usize = 32;

/// Everything a client is told of one failure, and nothing else.
///
/// ```
/// use plimsoll_errors::{Fault, PlmCode, Problem};
///
/// let fault = Fault::new(PlmCode::RouteNotFound).with_cause("never sent");
/// let problem = Problem::of(&fault, None);
/// let json = problem.to_json("https://api.example.test/errors");
/// assert!(json.starts_with(r#"{"type":"https://api.example.test/errors/PLM-1001","title":"Not found""#));
/// assert!(!json.contains("never sent"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Problem {
    /// The code.
    pub code: &'static Code,
    /// HTTP status: the code's, or the one a foreign layer chose.
    pub status: u16,
    /// gRPC status.
    pub grpc: Grpc,
    /// What happened and what to do: the code's client text, or the failure's own.
    pub detail: Cow<'static, str>,
    /// Ids of the request, when a record is current.
    pub ids: Option<Ids>,
    /// The support reference, when there are ids.
    pub reference: Option<Box<str>>,
    /// How long to wait.
    pub retry_after: Option<Duration>,
    /// Which fields of the request are wrong, the first [`MAX_FIELDS`] of them.
    pub fields: Vec<FieldFault>,
    /// What a limit or another part of the stack refused.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) types: Types,
}

impl Problem {
    /// What a client is told of `fault` in the request with these ids.
    pub fn of(fault: &Fault, ids: Option<Ids>) -> Self {
        let code = fault.code;
        let told = fault.detail.as_ref().filter(|_| fault.may_tell());
        let detail = match told.map(|detail| one_line(detail.as_str(), DETAIL_CHARS)) {
            Some(detail) if !detail.is_empty() => Cow::Owned(detail),
            _ => Cow::Borrowed(code.client),
        };
        let fields = if fault.may_tell() {
            told_fields(&fault.fields)
        } else {
            Vec::new()
        };
        Self {
            code,
            status: fault.status.unwrap_or(code.status),
            grpc: fault.grpc(),
            detail,
            ids,
            reference: ids.map(|ids| reference::text(code, ids.trace_id)),
            retry_after: fault.retry_after.or(code.retry.after()),
            fields,
            refusal: None,
            types: Types::Own,
        }
    }

    /// The policies that refused the request; empty when no limit did.
    pub fn violated_policies(&self) -> &[&'static str] {
        self.refusal.as_ref().map_or(&[], Refusal::violated)
    }

    /// What goes into `Retry-After`: whole seconds, rounded up, at least 1
    /// (RFC 9110, section 10.2.3).
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Some(whole.max(1))
    }

    /// The JSON text. `type` is `base`, a slash and the code.
    pub fn to_json(&self, base: &str) -> String {
        let mut text = String::with_capacity(640);
        self.write(&mut text, base);
        text
    }

    /// As [`Problem::to_json`], at the cost of one allocation of just that length.
    pub(crate) fn to_bytes(&self, base: &str) -> Bytes {
        thread_local! {
            static TEXT: Cell<String> = const { Cell::new(String::new()) };
        }
        // Gone in a thread that ends; then the text is made anew.
        let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
        text.clear();
        self.write(&mut text, base);
        let bytes = Bytes::from(Box::<[u8]>::from(text.as_bytes()));
        if text.capacity() <= KEPT_BYTES {
            let _ = TEXT.try_with(|kept| kept.set(text));
        }
        bytes
    }

    /// Keys and what stands round them as they come, so that each is one copy.
    fn write(&self, out: &mut String, base: &str) {
        let code = self.code;
        out.push_str("{\"type\":\"");
        if let Some(registered) = self.types.of(code) {
            out.push_str(registered);
        } else {
            escape(out, base);
            out.push('/');
            out.push_str(code.id);
        }
        out.push_str("\",\"title\":\"");
        escape(out, code.title);
        out.push_str("\",\"status\":");
        number(out, self.status.into());
        out.push_str(",\"code\":\"");
        out.push_str(code.id);
        out.push_str("\",\"reason\":\"");
        out.push_str(code.reason);
        out.push_str("\",\"detail\":\"");
        escape(out, &self.detail);
        if let Some(ids) = &self.ids {
            let request = ids.request_id.as_str();
            out.push_str("\",\"instance\":\"urn:plimsoll:req:");
            escape(out, request);
            out.push_str("\",\"request_id\":\"");
            escape(out, request);
            out.push_str("\",\"trace_id\":\"");
            let trace = ids.trace_id.digits();
            out.push_str(std::str::from_utf8(&trace).unwrap_or_default());
        }
        if let Some(reference) = &self.reference {
            out.push_str("\",\"ref\":\"");
            out.push_str(reference);
        }
        out.push_str("\",\"retry\":{\"policy\":\"");
        out.push_str(code.retry.as_str());
        out.push('"');
        if let Some(wait) = self.retry_after {
            out.push_str(",\"after_ms\":");
            number(out, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        out.push('}');
        let violated = self.violated_policies();
        if !violated.is_empty() {
            out.push_str(",\"violated-policies\":[\"");
            for (at, policy) in violated.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "\",\"" });
                escape(out, policy);
            }
            out.push_str("\"]");
        }
        if !self.fields.is_empty() {
            out.push_str(",\"errors\":");
            out.push_str(&self.errors());
        }
        out.push('}');
    }

    fn errors(&self) -> String {
        let object = |field: &FieldFault| {
            let mut object = Object::with_capacity(64);
            object.text("pointer", &field.pointer);
            object.text("detail", &field.detail);
            object.finish()
        };
        let all: Vec<_> = self.fields.iter().map(object).collect();
        format!("[{}]", all.join(","))
    }
}

/// The fields, each bounded and on one line.
fn told_fields(fields: &[FieldFault]) -> Vec<FieldFault> {
    let told = |field: &FieldFault| FieldFault {
        pointer: field.pointer.one_line(DETAIL_CHARS),
        detail: field.detail.one_line(DETAIL_CHARS),
    };
    fields.iter().take(MAX_FIELDS).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlmCode;
    use plimsoll_core::record::fresh_ids;
    use serde_json::{Value, json};

    #[test]
    fn a_refusal_names_its_policies_and_takes_the_registered_type_if_asked() {
        let both = &["second", "minute"][..];
        for (violated, told) in [
            (both, json!(["second", "minute"])),
            (&[], json!(["minute"])),
        ] {
            let mut problem = Problem::of(&Fault::new(PlmCode::QuotaExceeded), None);
            assert_eq!(read(&problem).get("violated-policies"), None);
            problem.refusal = Some(Refusal::Quota {
                policy: "minute",
                violated,
                retry_after: Duration::from_secs(1),
            });
            let own = read(&problem);
            assert_eq!(own["violated-policies"], told);
            assert_eq!(own["type"], "/errors/PLM-2001");
            problem.types = Types::Iana;
            let registered = "https://iana.org/assignments/http-problem-types#quota-exceeded";
            assert_eq!(read(&problem)["type"], registered);
        }
    }

    fn read(problem: &Problem) -> Value {
        serde_json::from_str(&problem.to_json(RELATIVE_BASE)).unwrap()
    }

    #[test]
    fn a_problem_carries_the_ids_and_a_reference_of_the_request() {
        let ids = fresh_ids(true);
        let fault =
            Fault::new(PlmCode::QuotaExceeded).with_retry_after(Duration::from_millis(1_500));
        let problem = Problem::of(&fault, Some(ids));
        let json = read(&problem);
        assert_eq!(json["type"], "/errors/PLM-2001");
        assert_eq!(json["reason"], "QUOTA_EXCEEDED");
        assert_eq!(json["request_id"], ids.request_id.as_str());
        assert_eq!(
            json["instance"],
            format!("urn:plimsoll:req:{}", ids.request_id)
        );
        assert_eq!(json["trace_id"], ids.trace_id.to_string());
        assert_eq!(
            json["retry"],
            json!({ "policy": "after", "after_ms": 1500 })
        );
        assert_eq!(problem.retry_after_seconds(), Some(2));
        let reference = reference::parse(json["ref"].as_str().unwrap()).unwrap();
        assert_eq!(reference.code(), "PLM-2001");
    }

    #[test]
    fn only_a_client_fault_may_tell_more_than_its_catalog() {
        let fields = vec![FieldFault {
            pointer: "/amount".into(),
            detail: "must be more than 0".into(),
        }];
        let mut fault = Fault::new(PlmCode::JsonMismatch).with_detail("amount: too\nsmall");
        fault.fields.clone_from(&fields);
        let json = read(&Problem::of(&fault, None));
        assert_eq!(json["detail"], "amount: too small");
        assert_eq!(json["errors"][0]["pointer"], "/amount");

        let mut fault = Fault::new(PlmCode::Internal).with_detail("postgres://secret");
        fault.fields = fields;
        let json = read(&Problem::of(&fault, None));
        assert_eq!(json["detail"], PlmCode::Internal.code().client);
        assert_eq!(json.get("errors"), None);
        assert_eq!(json.get("ref"), None);
    }
}
