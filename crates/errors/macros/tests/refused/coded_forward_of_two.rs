use plimsoll_errors::Coded;

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("no {0} in {1}")]
    #[code(forward)]
    Gone(u64, u64),
}

fn main() {}
