//! What the traces count, on the metrics page.

use plimsoll_core::Keep;
use plimsoll_core::names::{self, label};

use super::spans::Spans;
use crate::metrics::Page;

impl Spans {
    pub(crate) fn write(&self, page: &mut Page) {
        let Some(processor) = self.processor() else {
            return;
        };
        page.family(
            names::SPANS_KEPT,
            "counter",
            "Spans exported for how their request ended although the sampler had said no.",
        );
        for (keep, count) in Keep::ALL.into_iter().zip(processor.kept()) {
            page.sample(names::SPANS_KEPT, &[(label::REASON, keep.as_str())], count);
        }
    }
}
