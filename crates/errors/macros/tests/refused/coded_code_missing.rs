use plimsoll_errors::Coded;

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("the card is gone")]
    Gone,
    #[error(transparent)]
    Store(#[from] std::io::Error),
}

fn main() {}
