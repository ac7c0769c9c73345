use plimsoll_errors::{Coded, PlmCode};

#[derive(Debug)]
struct CardName(&'static str);

impl std::fmt::Display for CardName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Debug, thiserror::Error, Coded)]
enum CardError {
    #[error("no {name} in {dsn}")]
    #[code(PlmCode::InvalidQuery, detail = "There is no {name} in {dsn}.")]
    Gone { name: CardName, dsn: String },
    #[error("the account is wrong")]
    #[code(PlmCode::JsonMismatch, field("/account", "the bank says: {0}"))]
    Account(#[source] std::num::ParseIntError),
}

fn main() {}
