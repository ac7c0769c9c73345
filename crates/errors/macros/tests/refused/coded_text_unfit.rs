use plimsoll_errors::{Coded, PlmCode};

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("no card {id}")]
    #[code(PlmCode::InvalidQuery, detail = "No card {number}.")]
    Number { id: u64 },
    #[error("no card {id}")]
    #[code(PlmCode::InvalidQuery, detail = "No card {id:?}.")]
    Debug { id: u64 },
    #[error("no card {id}")]
    #[code(PlmCode::InvalidQuery, detail = "No card {id.")]
    Open { id: u64 },
    #[error("no card {id}")]
    #[code(PlmCode::InvalidQuery, field("id", "is no card"))]
    Pointer { id: u64 },
    #[error("no card {id}")]
    #[code(PlmCode::InvalidQuery, details = "No card {id}.")]
    Key { id: u64 },
}

fn main() {}
