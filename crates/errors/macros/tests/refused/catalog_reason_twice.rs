plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1002 CardNotFOUND {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
