use plimsoll_errors::Coded;

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error(transparent)]
    #[code(forward)]
    Store(#[from] std::io::Error),
}

fn main() {}
