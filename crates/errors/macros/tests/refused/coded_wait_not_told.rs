use plimsoll_errors::{Coded, PlmCode};

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("wait {0:?}")]
    #[code(PlmCode::Internal, retry_after = 0)]
    Busy(std::time::Duration),
}

fn main() {}
