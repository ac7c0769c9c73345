plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 CardNotFound { title: "t", client: "c", support: "s", operator: "o" },
        1002 CardLost {
            status: 302, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
