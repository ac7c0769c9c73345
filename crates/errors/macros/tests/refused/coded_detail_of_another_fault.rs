use plimsoll_errors::{Coded, PlmCode};

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("pool {0} is exhausted")]
    #[code(PlmCode::Internal, detail = "Pool {0} is exhausted.")]
    Busy(u32),
}

fn main() {}
