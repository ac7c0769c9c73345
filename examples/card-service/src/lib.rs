//! The sample: a card service that uses only the facade.
//!
//! Accounts, cards, transactions and invoices in SQLite, five routes, and switches that break it on purpose.
//! `api` answers requests from `store`; `faults` sits in the store; `error` lists every failure, `codes` names it.

pub mod api;
pub mod cli;
pub mod codes;
pub mod error;
pub mod export;
pub mod faults;
pub mod ids;
pub mod moment;
pub mod serve;
pub mod store;
