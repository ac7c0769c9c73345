//! What the traces count, on the metrics page.

use std::sync::atomic::Ordering;

use plimsoll_core::Keep;
use plimsoll_core::names::{self, label};

use super::spans::Spans;
use crate::metrics::Page;

impl Spans {
    pub(crate) fn write(&self, page: &mut Page) {
        self.of_callers(page);
        let Some(processor) = self.processor() else {
            return;
        };
        page.family(
            names::TELEMETRY_RETRIES,
            "counter",
            "Exports that were sent once more.",
        );
        page.sample(
            names::TELEMETRY_RETRIES,
            &[(label::SIGNAL, "traces")],
            processor.repeated(),
        );
        page.family(
            names::SPANS_KEPT,
            "counter",
            "Spans exported for how their request ended although the sampler had said no.",
        );
        for (keep, count) in Keep::ALL.into_iter().zip(processor.kept()) {
            page.sample(names::SPANS_KEPT, &[(label::REASON, keep.as_str())], count);
        }
    }

    fn of_callers(&self, page: &mut Page) {
        page.family(
            names::CONTEXTS_LINKED,
            "counter",
            "Trace contexts of callers that are not trusted: linked, not adopted; `setting` would adopt them.",
        );
        for (range, count) in self.callers.unadopted() {
            let labels = [
                (label::RANGE, range.as_str()),
                (label::SETTING, range.setting()),
            ];
            page.sample(names::CONTEXTS_LINKED, &labels, count);
        }
        page.family(
            names::CONTEXT_MEMBERS_DROPPED,
            "counter",
            "Members of trusted callers' headers that were malformed or over the limits.",
        );
        for (header, lost) in [
            ("tracestate", &self.callers.tracestate),
            ("baggage", &self.callers.baggage),
        ] {
            let lost = lost.load(Ordering::Relaxed);
            page.sample(
                names::CONTEXT_MEMBERS_DROPPED,
                &[(label::HEADER, header)],
                lost,
            );
        }
    }
}
