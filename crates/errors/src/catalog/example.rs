//! What a client is sent, for readers of the catalog.

use plimsoll_core::ids::TraceId;

use super::{Advice, Entry};
use crate::json::Object;
use crate::problem::RELATIVE_BASE;
use crate::reference;

/// The trace id of the examples in W3C's Trace Context.
const TRACE: TraceId = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
const REQUEST: &str = "c0a80101-7d3e-4f52-9a61-2b84d5e6f701";

impl Entry {
    /// A problem as a client may be sent it, a field a line: with ids made up.
    ///
    /// ```
    /// use plimsoll_errors::{Catalog, reference};
    ///
    /// let catalog = Catalog::of(&[])?;
    /// let sent = catalog.find("PLM-3004")?.entry.example();
    /// let sent: serde_json::Value = serde_json::from_str(&sent)?;
    /// assert_eq!(sent["type"], "/errors/PLM-3004");
    /// assert_eq!(reference::parse(sent["ref"].as_str().unwrap())?.code(), "PLM-3004");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn example(&self) -> String {
        let mut json = Object::document();
        json.text("type", format_args!("{RELATIVE_BASE}/{}", self.code));
        json.text("title", &self.title);
        json.raw("status", self.status);
        json.text("code", &self.code);
        json.text("reason", &self.reason);
        json.text("detail", &self.client);
        json.text("instance", format_args!("urn:plimsoll:req:{REQUEST}"));
        json.text("request_id", REQUEST);
        json.text("trace_id", TRACE);
        json.text("ref", reference::of(&self.code, TRACE));
        json.raw("retry", self.retry.to_json());
        json.finish()
    }
}

impl Advice {
    /// What a caller may do, in a sentence without its end.
    pub fn meaning(&self) -> &str {
        match self.policy.as_str() {
            "never" => "the same request fails again",
            "safe" => "nothing was done, send it again",
            "same_key" => "it may have been done, send it again only with the same idempotency key",
            "after" => "nothing was done, wait and send it again",
            other => other,
        }
    }

    /// The whole seconds of `Retry-After`, as [`Problem`](crate::Problem) has them.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.after_ms.map(|wait| wait.div_ceil(1_000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::ids::{Ids, RequestId};
    use plimsoll_core::record::fresh_ids;
    use serde_json::Value;

    use super::*;
    use crate::{Fault, PlmCode, Problem};

    #[test]
    fn an_example_is_what_the_wire_has() {
        let ids = Ids {
            trace_id: TRACE,
            request_id: RequestId::parse(REQUEST.as_bytes()).unwrap(),
            ..fresh_ids(true)
        };
        for code in PlmCode::ALL {
            let problem = Problem::of(&Fault::new(code), Some(ids));
            let sent: Value = serde_json::from_str(&problem.to_json(RELATIVE_BASE)).unwrap();
            let entry = Entry::from(code);
            let shown: Value = serde_json::from_str(&entry.example()).unwrap();
            assert_eq!(shown, sent);
            assert_eq!(
                entry.retry.retry_after_seconds(),
                problem.retry_after_seconds()
            );
        }
    }
}
