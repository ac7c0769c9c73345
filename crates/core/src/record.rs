//! The one record of a request, and the handle that finishes it exactly once.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::agent::Agent;
use crate::calls::Calls;
use crate::criticality::Criticality;
use crate::current::Entered;
use crate::decided::Decided;
use crate::ids::{Ids, RequestId, SpanId, TraceId, TraceParent};
use crate::keep::Keep;
use crate::messages::Messages;
use crate::names::value;
use crate::outcome::{Blame, Outcome, Slo};
use crate::permit::Permit;
use crate::seat::Seat;
use crate::shown::Shown;

/// How long a client may wait for a head before its leaving counts as ours, in
/// nanoseconds: one second.
pub const PATIENCE: u64 = 1_000_000_000;

/// Everything known of one request. Every signal is made from it and from
/// nothing else, so that they cannot disagree.
#[derive(Debug)]
pub struct Record {
    /// Trace, span and request id.
    pub ids: Ids,
    /// The caller's span, when its trace was adopted.
    pub parent: Option<TraceParent>,
    /// The caller's span, when it was not trusted and only linked.
    pub link: Option<TraceParent>,
    /// Which of the process's instances makes signals of it; 0 for none.
    pub instance: u64,
    /// Clock reading at `call`.
    pub started: u64,
    /// Clock reading when the head was ready.
    pub head: Option<u64>,
    /// Clock reading at the end; 0 until finished.
    pub ended: u64,
    /// A known method or `_OTHER`.
    pub method: &'static str,
    /// The matched template or `unmatched`.
    pub route: &'static str,
    /// Path as the client sent it: for the log line, never a label.
    pub path: String,
    /// Whom the limits count: the peer, or who a trusted proxy says it is.
    pub client: Option<IpAddr>,
    /// Requests in flight when this one began, itself included.
    pub in_flight: u64,
    /// HTTP status; 0 until a head is ready.
    pub status: u16,
    /// gRPC status code, once known.
    pub grpc_status: Option<u16>,
    /// Declared length of the request body, in bytes.
    pub bytes_in: u64,
    /// Data bytes of the response body handed on so far.
    pub bytes_out: u64,
    /// What a part decided before the end; otherwise the status tells.
    pub outcome: Option<Outcome>,
    /// Code of the catalog.
    pub code: Option<&'static str>,
    /// Whose fault it was, when a code or a part said so.
    pub blame: Option<Blame>,
    /// How an SLO counts it, when a code or a part said so.
    pub slo: Option<Slo>,
    /// Whether the other end of the connection is one that may tell things of the caller.
    pub trusted: bool,
    /// How much it matters, when somebody said so.
    pub criticality: Option<Criticality>,
    /// Clock reading at which a trusted caller stops waiting for the head.
    pub deadline: Option<u64>,
    /// What the limits decided, by the tightest of them.
    pub decision: Option<Decided>,
    /// The support reference that the client was shown.
    pub reference: Option<Box<str>>,
    /// The failure's source chain or panic message: logged, never sent.
    pub cause: Option<Box<str>>,
    /// What the client is, by its `User-Agent`.
    pub agent: Agent,
    /// What is known of a gRPC call beside its status.
    pub grpc: Option<Box<Grpc>>,
    /// Calls to other services, as far as they were made by the request's own task.
    pub calls: Calls,
    /// Headers and query parameters that may be shown.
    pub shown: Vec<Shown>,
    /// Why the request's details are kept; decided at its end.
    pub keep: Option<Keep>,
    /// Whether a span of the request is on its way to a collector, as far as this
    /// process can know; decided at its end.
    pub kept: bool,
    /// The stack around the service, when a whole one stands there.
    pub seat: Option<Seat>,
    /// What else must be current while the request is polled. Stays for the next
    /// request of the record, so that it need not be made anew.
    pub ambient: Option<Box<dyn Ambient>>,
    /// What a signal notes of the request until its end, such as events that
    /// are written only if it fails. Stays like `ambient`.
    pub scratch: Option<Box<dyn Any + Send + Sync>>,
    counted_by: [u32; LIMITERS_MAX],
    permits: Vec<Permit>,
    crumbs: VecDeque<Crumb>,
}

/// Limiters that are told apart around one request.
const LIMITERS_MAX: usize = 4;

/// Warnings of the application kept for a request.
pub const CRUMBS_MAX: usize = 10;

/// A warning or error that the application logged during a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crumb {
    /// Clock reading.
    pub at: u64,
    /// `WARN` or `ERROR`.
    pub level: &'static str,
    /// Where in the program.
    pub target: &'static str,
    /// Message and fields, bounded by who keeps it.
    pub text: Box<str>,
}

/// What is known of a gRPC call: RPC semantic conventions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grpc {
    /// Nanoseconds that the caller's `grpc-timeout` gives the call.
    pub timeout: Option<u64>,
    /// Messages of the response body handed on so far.
    pub sent: Messages,
}

/// Something of another library that follows a request through its polls, such
/// as a tracing context.
pub trait Ambient: Any + Send + Sync + fmt::Debug {
    /// Called before each poll, on the polling thread.
    fn enter(&self);
    /// Called after each poll, on the same thread.
    fn exit(&self);
    /// Called when the record is emptied for another request.
    fn clear(&mut self);
    /// What follows work of the request to another task, taken where the work is
    /// handed over; see [`crate::current::carry`].
    fn carried(&self) -> Option<Box<dyn Ambient>> {
        None
    }
}

impl Record {
    /// An empty record with these ids, started at this reading.
    pub fn new(ids: Ids, started: u64) -> Self {
        Self {
            ids,
            parent: None,
            link: None,
            instance: 0,
            started,
            head: None,
            ended: 0,
            method: value::OTHER,
            route: value::UNMATCHED,
            path: String::new(),
            client: None,
            in_flight: 0,
            status: 0,
            grpc_status: None,
            bytes_in: 0,
            bytes_out: 0,
            outcome: None,
            code: None,
            blame: None,
            slo: None,
            trusted: false,
            criticality: None,
            deadline: None,
            decision: None,
            reference: None,
            cause: None,
            agent: Agent::None,
            grpc: None,
            calls: Calls::default(),
            shown: Vec::new(),
            keep: None,
            kept: false,
            seat: None,
            ambient: None,
            scratch: None,
            counted_by: [0; LIMITERS_MAX],
            permits: Vec::new(),
            crumbs: VecDeque::new(),
        }
    }

    /// Empties the record for another request, keeping its buffers.
    pub fn reset(&mut self, ids: Ids, started: u64) {
        // Field by field: a new record copied over this one costs ten times as much.
        // Taken apart, so that no field can be forgotten.
        let Self {
            ids: old_ids,
            parent,
            link,
            started: old_started,
            head,
            ended,
            method,
            route,
            path,
            client,
            in_flight,
            status,
            grpc_status,
            bytes_in,
            bytes_out,
            outcome,
            code,
            blame,
            slo,
            trusted,
            criticality,
            deadline,
            decision,
            reference,
            cause,
            agent,
            grpc,
            shown,
            keep,
            kept,
            ambient,
            scratch: _,
            counted_by,
            permits,
            crumbs,
            instance,
            seat,
            calls,
        } = self;
        (*old_ids, *old_started) = (ids, started);
        (*parent, *link) = (None, None);
        (*head, *ended, *in_flight) = (None, 0, 0);
        (*method, *route) = (value::OTHER, value::UNMATCHED);
        path.clear();
        (*client, *agent) = (None, Agent::None);
        (*status, *grpc_status) = (0, None);
        (*bytes_in, *bytes_out) = (0, 0);
        (*outcome, *code, *blame, *slo) = (None, None, None, None);
        (*trusted, *criticality, *deadline) = (false, None, None);
        *decision = None;
        (*reference, *cause, *grpc) = (None, None, None);
        shown.clear();
        (*keep, *kept) = (None, false);
        if let Some(ambient) = ambient {
            ambient.clear();
        }
        *counted_by = [0; LIMITERS_MAX];
        permits.clear();
        crumbs.clear();
        (*instance, *seat) = (0, None);
        *calls = Calls::default();
    }

    /// Notes that a limiter of this number, not 0, counts the request; says
    /// whether it has done so before. Only the first four limiters are known.
    pub fn is_counted_by(&mut self, limiter: u32) -> bool {
        for place in &mut self.counted_by {
            if *place == limiter {
                return true;
            }
            if *place == 0 {
                *place = limiter;
                return false;
            }
        }
        false
    }

    /// Keeps a permit until the end of the body.
    pub fn hold(&mut self, permit: Permit) {
        self.permits.push(permit);
    }

    /// Keeps a warning of the application; only the last [`CRUMBS_MAX`] stay.
    pub fn keep_crumb(&mut self, crumb: Crumb) {
        if self.crumbs.len() >= CRUMBS_MAX {
            self.crumbs.pop_front();
        }
        self.crumbs.push_back(crumb);
    }

    /// The application's last warnings, oldest first.
    pub fn crumbs(&self) -> impl Iterator<Item = &Crumb> {
        self.crumbs.iter()
    }

    /// Says that a part of the stack failed the request.
    pub fn fail(&mut self, outcome: Outcome, blame: Blame, slo: Slo) {
        self.outcome = Some(outcome);
        self.blame = Some(blame);
        self.slo = Some(slo);
    }

    /// Nanoseconds from call to head, or to giving up without one.
    pub fn time_to_head(&self) -> u64 {
        self.head.unwrap_or(self.ended).saturating_sub(self.started)
    }

    /// Nanoseconds from call to the end of the body.
    pub fn duration(&self) -> u64 {
        self.ended.saturating_sub(self.started)
    }

    /// Decides outcome, blame and SLO class from what the parts said, the
    /// status and how the request ended (design: outcomes and blame).
    fn settle(&mut self, ending: Ending, now: u64) {
        self.ended = now;
        let told = self.outcome.unwrap_or_else(|| self.by_status());
        let outcome = match (ending, self.head) {
            (Ending::Complete, _) => told,
            (Ending::BodyError, _) => Outcome::BodyError,
            (Ending::Panic, _) => Outcome::Panic,
            (Ending::ShutdownAbort, _) => Outcome::ShutdownAbort,
            (Ending::Dropped, None) => Outcome::ClientGoneBeforeHead,
            // A client that hangs up on a failure doesn't undo it.
            (Ending::Dropped, Some(_)) if told != Outcome::Success => told,
            (Ending::Dropped, Some(_)) => Outcome::ClientGoneMidBody,
        };
        if outcome != told {
            self.blame = None;
            self.slo = None;
        }
        // The head is gone, so no layer could give these a code.
        match ending {
            Ending::BodyError => self.code = Some(value::CODE_BODY_BROKEN),
            Ending::Panic => self.code = Some(value::CODE_PANICKED),
            _ => {}
        }
        self.outcome = Some(outcome);
        let grpc = self.grpc_status.and_then(grpc_blame);
        self.blame = self.blame.or(match outcome {
            Outcome::ClientError | Outcome::Fault => grpc.or(outcome.blame()),
            _ => outcome.blame(),
        });
        self.slo = self.slo.or_else(|| Some(self.by_blame(outcome)));
    }

    fn by_status(&self) -> Outcome {
        match self.grpc_status {
            Some(0) => Outcome::Success,
            Some(code) => match grpc_blame(code) {
                Some(Blame::Client) => Outcome::ClientError,
                _ => Outcome::Fault,
            },
            None => Outcome::of_status(self.status),
        }
    }

    fn by_blame(&self, outcome: Outcome) -> Slo {
        match (outcome, self.blame) {
            (Outcome::ClientGoneBeforeHead, _) if self.duration() >= PATIENCE => Slo::Bad,
            (_, Some(blame)) => blame.slo(),
            (_, None) => Slo::Good,
        }
    }
}

/// Whose fault a gRPC status code is; `None` for OK. Codes as in gRPC's
/// `doc/statuscodes.md`; the choice of blame is ours and published here:
/// client for what the caller sent or is not allowed, capacity for
/// RESOURCE_EXHAUSTED, dependency for UNAVAILABLE, server for the rest.
pub const fn grpc_blame(code: u16) -> Option<Blame> {
    match code {
        0 => None,
        // CANCELLED, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
        // FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED
        1 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 12 | 16 => Some(Blame::Client),
        8 => Some(Blame::Capacity),
        14 => Some(Blame::Dependency),
        // UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, DATA_LOSS and what is not in the list
        _ => Some(Blame::Server),
    }
}

/// What ended a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was handed on.
    Complete,
    /// The response body returned an error.
    BodyError,
    /// A panic was caught where no answer could be given any more.
    Panic,
    /// Shutdown cut it.
    ShutdownAbort,
    /// Future or body were dropped before their end: the client is gone.
    Dropped,
}

/// Makes every signal of a finished record.
pub trait Sink: Send + Sync {
    /// The clock's reading now.
    fn now(&self) -> u64;
    /// Whether requests that end now are cut by shutdown, not left by clients.
    fn aborting(&self) -> bool {
        false
    }
    /// Takes a finished record; called once for each.
    fn finish(&self, record: Box<Record>);
}

/// A record whose request is under way. Finished once: by [`Open::finish`], or
/// by drop, which means that the client left, or while a panic unwinds that
/// nobody inside has caught.
pub struct Open {
    record: Option<Box<Record>>,
    sink: Arc<dyn Sink>,
}

impl Open {
    /// Begins a request.
    pub fn new(record: Box<Record>, sink: Arc<dyn Sink>) -> Self {
        Self {
            record: Some(record),
            sink,
        }
    }

    /// Makes the record current on this thread for as long as the guard lives.
    pub fn enter(&mut self) -> Entered<'_> {
        Entered::new(&mut self.record)
    }

    /// The record, unless it is finished.
    pub fn record(&mut self) -> Option<&mut Record> {
        self.record.as_deref_mut()
    }

    /// Notes that the head is ready now.
    pub fn head(&mut self) {
        let now = self.sink.now();
        if let Some(record) = &mut self.record {
            record.head = Some(now);
        }
    }

    /// Finishes the record; only the first call does anything.
    pub fn finish(&mut self, ending: Ending) {
        if let Some(mut record) = self.record.take() {
            let cut = ending == Ending::Dropped && self.sink.aborting();
            let ending = if cut { Ending::ShutdownAbort } else { ending };
            record.settle(ending, self.sink.now());
            record.permits.clear();
            self.sink.finish(record);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let unwinding = std::thread::panicking();
        self.finish(if unwinding {
            Ending::Panic
        } else {
            Ending::Dropped
        });
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.record).finish()
    }
}

/// Fresh ids for a request that nobody sent any for.
pub fn fresh_ids(sampled: bool) -> Ids {
    Ids {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        sampled,
        request_id: RequestId::random(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(change: impl FnOnce(&mut Record), ending: Ending, now: u64) -> Record {
        let mut record = Record::new(fresh_ids(false), 0);
        change(&mut record);
        record.settle(ending, now);
        record
    }

    #[test]
    fn status_ending_and_patience_decide_what_an_slo_counts() {
        let head = |status| {
            move |record: &mut Record| {
                record.status = status;
                record.head = Some(1);
            }
        };
        for (record, outcome, slo) in [
            (
                settled(head(200), Ending::Complete, 9),
                Outcome::Success,
                Slo::Good,
            ),
            (
                settled(head(404), Ending::Complete, 9),
                Outcome::ClientError,
                Slo::Excluded,
            ),
            (
                settled(head(500), Ending::Complete, 9),
                Outcome::Fault,
                Slo::Bad,
            ),
            (
                settled(head(200), Ending::Dropped, 9),
                Outcome::ClientGoneMidBody,
                Slo::Excluded,
            ),
            (
                settled(head(503), Ending::Dropped, 9),
                Outcome::Fault,
                Slo::Bad,
            ),
            (
                settled(head(200), Ending::BodyError, 9),
                Outcome::BodyError,
                Slo::Bad,
            ),
            (
                settled(head(200), Ending::Panic, 9),
                Outcome::Panic,
                Slo::Bad,
            ),
            (
                settled(|_| (), Ending::Dropped, 9),
                Outcome::ClientGoneBeforeHead,
                Slo::Excluded,
            ),
            (
                settled(|_| (), Ending::Dropped, PATIENCE),
                Outcome::ClientGoneBeforeHead,
                Slo::Bad,
            ),
        ] {
            assert_eq!((record.outcome, record.slo), (Some(outcome), Some(slo)));
        }
    }

    #[test]
    fn what_a_code_said_holds_unless_the_client_left() {
        let quota = |record: &mut Record| {
            record.status = 429;
            record.head = Some(1);
            record.fail(Outcome::Refused, Blame::Client, Slo::Excluded);
        };
        let record = settled(quota, Ending::Complete, 9);
        assert_eq!(record.outcome, Some(Outcome::Refused));
        assert_eq!(record.slo, Some(Slo::Excluded));
        let record = settled(quota, Ending::BodyError, 9);
        assert_eq!(record.slo, Some(Slo::Bad));
        assert_eq!(record.code, Some(value::CODE_BODY_BROKEN));
    }

    #[test]
    fn a_grpc_status_outranks_http_200() {
        for (code, outcome, slo) in [
            (0, Outcome::Success, Slo::Good),
            (5, Outcome::ClientError, Slo::Excluded),
            (13, Outcome::Fault, Slo::Bad),
            (14, Outcome::Fault, Slo::Bad),
        ] {
            let grpc = |record: &mut Record| {
                record.status = 200;
                record.head = Some(1);
                record.grpc_status = Some(code);
            };
            let record = settled(grpc, Ending::Complete, 9);
            assert_eq!(
                (record.outcome, record.slo),
                (Some(outcome), Some(slo)),
                "{code}"
            );
        }
    }
}
