plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 NoTill {
            status: 503, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

#[derive(Debug, thiserror::Error, plimsoll_errors::Coded)]
enum TillError {
    #[error("no till {0}")]
    #[code(TillCode::NoTill, detail = "There is no till {0}.")]
    Missing(u32),
}

fn main() {
    let error = TillError::Missing(7);
    println!("{}", plimsoll_errors::Fault::from(error).code.id);
    println!("{:?}", TillCode::ALL);
}
