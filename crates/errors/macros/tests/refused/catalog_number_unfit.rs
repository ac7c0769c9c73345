plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        17 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1002 CardLost {
            status: 409, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1001 CardStolen {
            status: 409, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
