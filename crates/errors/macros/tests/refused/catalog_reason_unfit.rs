plimsoll_errors::catalog! {
    /// Codes of the service under test.
    pub enum TillCode: "TILL" {
        1001 Gone_ {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1002 No {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
        1003 TheAccountThatThisCardBelongedToBeforeItWasGivenToSomebodyElseIsGone {
            status: 404, blame: Client, retry: Never,
            title: "t", client: "c", support: "s", operator: "o",
        },
    }
}

fn main() {}
