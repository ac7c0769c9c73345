//! Head sampling: decided before anything of a span is made, by the six samplers
//! that `OTEL_TRACES_SAMPLER` can name.

use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler as SdkSampler};
use plimsoll_core::ids::TraceId;

/// Who decides about a trace that begins here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Root {
    On,
    Off,
    /// This share of trace ids, 0 to 1.
    Ratio(f64),
}

/// A sampler of the OpenTelemetry specification.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampler {
    pub(crate) root: Root,
    /// Whether a trusted caller's decision stands above that of `root`.
    pub(crate) by_parent: bool,
}

impl Default for Sampler {
    /// The specification's `parentbased_always_on`.
    fn default() -> Self {
        Self::by_parent(Root::On)
    }
}

impl Sampler {
    pub(crate) const fn by_parent(root: Root) -> Self {
        Self {
            root,
            by_parent: true,
        }
    }

    /// Whether a request is sampled; `parent` is what its trusted caller decided.
    pub(crate) fn decide(&self, trace_id: TraceId, parent: Option<bool>) -> bool {
        match (self.root, parent.filter(|_| self.by_parent)) {
            (_, Some(sampled)) => sampled,
            (Root::On, None) => true,
            (Root::Off, None) => false,
            (Root::Ratio(ratio), None) => within(ratio, trace_id),
        }
    }

    /// Whether nothing is ever to be exported.
    pub(crate) fn never(&self) -> bool {
        self.root == Root::Off && !self.by_parent
    }

    /// The sampler of the application's own spans: within a request they follow
    /// the request, whatever it was decided by.
    pub(super) fn of_application(&self) -> ParentBasedSampler {
        let root = || match self.root {
            Root::On => SdkSampler::AlwaysOn,
            Root::Off => SdkSampler::AlwaysOff,
            Root::Ratio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
        };
        let sampler = SdkSampler::parent_based(root());
        if self.by_parent {
            return sampler;
        }
        sampler
            .with_remote_parent_sampled(root())
            .with_remote_parent_not_sampled(root())
    }
}

/// `TraceIdRatioBased`: the low half of the trace id, its last bit away, below
/// the ratio's share of 2^63. As the Rust SDK decides it, so that services on
/// the same ratio keep the same traces.
fn within(ratio: f64, trace_id: TraceId) -> bool {
    let bound = (ratio.max(0.0) * (1_u64 << 63) as f64) as u64;
    ratio >= 1.0 || (trace_id.0 as u64) >> 1 < bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanKind, TraceContextExt as _, TraceFlags, TraceState,
    };
    use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample as _};
    use proptest::prelude::*;

    fn any_root() -> impl Strategy<Value = Root> {
        let ratio = prop_oneof![0.0..=1.0, Just(0.0), Just(1.0), -1.0..2.0, Just(f64::NAN)];
        prop_oneof![Just(Root::On), Just(Root::Off), ratio.prop_map(Root::Ratio)]
    }

    /// Low ids are where small ratios decide.
    fn any_trace() -> impl Strategy<Value = u128> {
        prop_oneof![1_u128.., 1_u128..1 << 60, Just(1), Just(u128::MAX)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn every_sampler_decides_as_the_sdks_own(
            root in any_root(),
            by_parent: bool,
            trace in any_trace(),
            parent: Option<bool>,
        ) {
            let sampler = Sampler { root, by_parent };
            let context = parent.map_or_else(Context::new, |sampled| {
                let flags = TraceFlags::default().with_sampled(sampled);
                let ids = SpanContext::new(trace.into(), 7.into(), flags, true, TraceState::NONE);
                Context::new().with_remote_span_context(ids)
            });
            let decided = sampler.of_application().should_sample(
                Some(&context), trace.into(), "GET /", &SpanKind::Server, &[], &[],
            );
            let theirs = decided.decision == SamplingDecision::RecordAndSample;
            prop_assert_eq!(sampler.decide(TraceId(trace), parent), theirs);
        }
    }

    #[test]
    fn the_applications_spans_follow_their_request() {
        for root in [Root::On, Root::Off, Root::Ratio(0.5)] {
            for (by_parent, sampled) in [(true, true), (true, false), (false, true), (false, false)]
            {
                let flags = TraceFlags::default().with_sampled(sampled);
                let ids = SpanContext::new(1.into(), 7.into(), flags, false, TraceState::NONE);
                let of_request = Context::new().with_remote_span_context(ids);
                let sampler = Sampler { root, by_parent }.of_application();
                let kind = SpanKind::Internal;
                let decided =
                    sampler.should_sample(Some(&of_request), 1.into(), "load", &kind, &[], &[]);
                let followed = decided.decision == SamplingDecision::RecordAndSample;
                assert_eq!(followed, sampled, "{root:?} {by_parent}");
            }
        }
    }

    #[test]
    fn a_hundredth_is_a_hundredth() {
        let hundredth = Sampler::by_parent(Root::Ratio(0.01));
        let kept = (0..100_000).filter(|_| hundredth.decide(TraceId::random(), None));
        assert!((800..1_200).contains(&kept.count()));
    }
}
