//! The lean mode: in an unsampled request the application's spans do not exist.
//!
//! It saves what the registry and its layers do for every span, and takes from
//! those requests what spans give: their fields on log lines, what a host's own
//! layers make of them, and the context on outgoing calls that are not made by
//! our own client layer. Log lines keep their ids, which come from the record.

use plimsoll_core::current;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Refuses spans for all layers; must stand outermost to be asked.
#[derive(Debug)]
pub(crate) struct Gate;

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            Interest::sometimes()
        } else {
            Interest::always()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !metadata.is_span() || current::ids().is_none_or(|ids| ids.sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::{Open, Record, Sink, fresh_ids};
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt as _;

    struct Nowhere;

    impl Sink for Nowhere {
        fn now(&self) -> u64 {
            0
        }
        fn finish(&self, _: Box<Record>) {}
    }

    #[test]
    fn spans_are_refused_in_unsampled_requests_only() {
        let subscriber = tracing_subscriber::registry().with(Gate);
        let is_made = || !tracing::info_span!("work").is_disabled();
        tracing::subscriber::with_default(subscriber, || {
            assert!(is_made(), "outside any request");
            for sampled in [true, false, true] {
                let record = Box::new(Record::new(fresh_ids(sampled), 0));
                let mut open = Open::new(record, Arc::new(Nowhere));
                let _entered = open.enter();
                assert_eq!(is_made(), sampled);
            }
        });
    }
}
