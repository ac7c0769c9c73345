plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum CardCode: "Card-Service" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
