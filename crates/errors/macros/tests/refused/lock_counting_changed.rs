plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum CardCode: "CARD", lock "errors.lock" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never, grpc: OutOfRange,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1002 CardLost {
            status: 409, blame: Client, retry: Never, slo: Bad,
            title: "t", client: "c", support: "s", operator: "o",
        },
        2001 StoreDown {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
