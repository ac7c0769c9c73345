plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        2001 StoreDown {
            status: 503, blame: Dependency, retry: After,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
