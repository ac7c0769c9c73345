//! `errors.lock`: what was published of a catalog and may never change.
//!
//! One line a code, ascending. A code that goes away keeps its line and gets a
//! second one, so that its number and reason are never given again:
//!
//! ```
//! use plimsoll_errors_lock::Lock;
//!
//! let lock = Lock::parse("\
//! CARD-1001 CARD_NOT_FOUND status=404 grpc=NOT_FOUND blame=client retry=never slo=excluded
//! CARD-1002 CARD_LOST status=409 grpc=ABORTED blame=client retry=never slo=excluded
//! CARD-1002 retired: a lost card is a blocked one, CARD-1004
//! ")?;
//! assert_eq!(lock.prefix(), Some("CARD"));
//! assert!(lock.find("CARD-1002").unwrap().retired.is_some());
//! # Ok::<(), plimsoll_errors_lock::LockError>(())
//! ```
//!
//! `catalog!` reads it while compiling, `plimsoll errors lock` writes it. Texts,
//! owners, runbooks and the length of a wait may change and are not in it.

mod change;
mod line;
mod lock;

pub use change::{Change, Field};
pub use line::prefix_fits;
pub use lock::{Lock, LockError, Published, Record};
