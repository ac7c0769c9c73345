plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c",
        },
        1002 CardLost {
            status: 404, blame: Client, retry: Never,
            title: "", client: "c", support: " ", operator: "o",
        },
    }
}

fn main() {}
