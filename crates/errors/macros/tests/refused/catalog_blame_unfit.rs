plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 CardNotFound {
            status: 404, blame: Server, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        2001 StoreDown {
            status: 503, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        2002 Busy {
            status: 429, blame: Dependency, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
