//! What a request's span is made of beside its record, and the context in which
//! the application's own spans nest.

use std::any::Any;
use std::cell::RefCell;

use http::Version;
use opentelemetry::trace::{TraceContextExt as _, TraceState};
use opentelemetry::{Context, ContextGuard};
use plimsoll_core::record::{Ambient, Record};

/// Stays in the pooled record, so that a request allocates none of it.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    /// Current while the request is polled; `None` leaves the host's alone.
    pub(super) context: Option<Context>,
    pub(super) trace_state: TraceState,
    /// Whether the caller's connection is encrypted, as far as is known.
    pub(super) https: bool,
    pub(super) version: Version,
    /// As the client sent it, cut; empty is none. Made a text by who needs it.
    pub(super) user_agent: Vec<u8>,
    /// Of a method that is none of the known ones.
    pub(super) method: Option<Box<str>>,
}

impl Traced {
    /// Those of a record, made unless an earlier request left some.
    pub(super) fn of(record: &mut Record) -> Option<&mut Self> {
        if Self::seen(record).is_none() {
            record.ambient = Some(Box::new(Self::default()));
        }
        let ambient: &mut dyn Any = record.ambient.as_deref_mut()?;
        ambient.downcast_mut()
    }

    pub(super) fn seen(record: &Record) -> Option<&Self> {
        let ambient: &dyn Any = record.ambient.as_deref()?;
        ambient.downcast_ref()
    }
}

thread_local! {
    /// What is attached on this thread, innermost last. `ContextGuard` is bound
    /// to its thread and must be dropped in order, so it cannot lie in a record.
    static ATTACHED: RefCell<Vec<ContextGuard>> = const { RefCell::new(Vec::new()) };
}

impl Ambient for Traced {
    fn enter(&self) {
        if let Some(context) = &self.context {
            let guard = context.clone().attach();
            ATTACHED.with_borrow_mut(|attached| attached.push(guard));
        }
    }

    fn exit(&self) {
        if self.context.is_some() {
            let guard = ATTACHED.with_borrow_mut(Vec::pop);
            drop(guard);
        }
    }

    fn clear(&mut self) {
        // Field by field: a new one copied over this one costs four times as much.
        // Taken apart, so that no field can be forgotten.
        let Self {
            context,
            trace_state,
            https,
            version,
            user_agent,
            method,
        } = self;
        *context = None;
        if *trace_state != TraceState::NONE {
            *trace_state = TraceState::NONE;
        }
        (*https, *version) = (false, Version::default());
        user_agent.clear();
        *method = None;
    }

    /// The span that is active where the work is handed over, when it is one of
    /// this trace, so that the work's spans nest in it.
    fn carried(&self) -> Option<Box<dyn Ambient>> {
        let own = self.context.as_ref()?;
        let here = Context::current();
        let trace = |context: &Context| context.span().span_context().trace_id();
        let of_request = trace(&here) == trace(own);
        let context = if of_request { here } else { own.clone() };
        Some(Box::new(Self {
            context: Some(context),
            ..Self::default()
        }))
    }
}
