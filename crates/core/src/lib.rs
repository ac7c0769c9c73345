//! The words every part of Plimsoll shares.
//!
//! | module | holds |
//! |---|---|
//! | [`names`] | metrics, labels and log keys, spelled once |
//! | [`outcome`] | how a request ended, whose fault it was, how an SLO counts it |
//! | [`ids`] | trace, span and request ids; the `traceparent` header |
//! | [`record`] | the one record of a request and the handle that finishes it once |
//! | [`calls`] | a request's calls to other services |
//! | [`current`] | the record of the request being polled on this thread |
//! | [`agent`] | what kind of client sends a request |
//! | [`criticality`] | how much it matters that a request is answered |
//! | [`deadline`] | how long a caller waits, by its headers |
//! | [`keep`] | why the details of a request are kept |
//! | [`body`] | the one body wrapper of the stack |
//! | [`gate`] | one service and one future for what lets requests pass or refuses them |
//! | [`held`] | a body that holds a permit where there is no record |
//! | [`permit`] | what a request holds until the end of its body |
//! | [`refusal`] | why an inner layer said no, for an outer one to render |
//! | [`memory`] | how much of the memory that the process may have is in use |
//! | [`messages`] | how many messages a gRPC body had |
//! | [`mode`] | `off`, `observe`, `enforce`, and the count of what would have been |
//! | [`seat`] | which of two stacks, one inside the other by mistake, has a request |
//! | [`redact`] | what must reach no signal |
//! | [`shown`] | headers and parameters that may be shown |
//! | [`secret`] | a value that cannot be printed |
//! | [`peer`] | who the client is and whom we trust |
//! | [`otel`] | the OpenTelemetry variables that are honoured |
//! | [`percent`] | percent-encoding |
//! | [`settings`] | what an operator may set from outside |
//! | [`value`] | header values and short texts without an allocation |
//! | [`jitter`] | random extra time for those who wait |
//! | [`clock`] | time, injected |
//!
//! It imports no other crate of the workspace.

pub mod agent;
pub mod body;
pub mod calls;
pub mod clock;
pub mod criticality;
pub mod current;
pub mod deadline;
pub mod decided;
pub mod gate;
pub mod held;
pub mod ids;
pub mod intern;
pub mod jitter;
pub mod keep;
pub mod memory;
pub mod messages;
pub mod mode;
pub mod names;
pub mod nearest;
pub mod otel;
pub mod outcome;
pub mod peer;
pub mod percent;
pub mod permit;
pub mod record;
pub mod redact;
pub mod refusal;
pub mod seat;
pub mod secret;
pub mod settings;
pub mod shown;
pub mod value;

pub use agent::Agent;
pub use body::ObservedBody;
pub use clock::Clock;
pub use criticality::Criticality;
pub use decided::Decided;
pub use gate::{Gate, Gated};
pub use held::HeldBody;
pub use keep::Keep;
pub use mode::{Mode, Part, Rollout};
pub use outcome::{Blame, Outcome, Slo};
pub use permit::{Permit, Release};
pub use record::{Ending, Open, Record, Sink};
pub use refusal::Refusal;
pub use seat::Seat;
pub use secret::Secret;
pub use shown::Shown;
