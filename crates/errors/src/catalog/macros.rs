//! The macro that declares a catalog.

/// Declares the codes of a service as an enum; the compiler holds the rules.
///
/// Numbers ascend and are never given again. `status`, `blame`, `retry`,
/// `title` and the texts `client`, `support` and `operator` must be there;
/// `slo` (by default as the blame says), `grpc` (by default as the status
/// says), `owner`, `runbook` and `untested` (why no test makes the service
/// answer with it: `plimsoll errors coverage`) may be.
///
/// ```
/// use plimsoll_errors::catalog;
///
/// catalog! {
///     /// Codes of the card service.
///     pub enum CardCode: "CARD" {
///         1001 CardNotFound {
///             status: 404, blame: Client, retry: Never,
///             title: "Card not found",
///             client: "No card has this id, or you may not see it. List the account's cards.",
///             support: "Ask for the last four digits and look the card up by them.",
///             operator: "Nothing to do; a rise points at a client with old ids.",
///         },
///         2001 StoreUnavailable {
///             status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
///             title: "Store unavailable",
///             client: "The card store did not answer. Try again in a moment.",
///             support: "Known to the team on call; nothing the customer can do.",
///             operator: "Pool gauge, slow-query log, then the runbook.",
///             owner: "cards", runbook: "https://runbooks.example.test/cards/store",
///         },
///     }
/// }
///
/// let code = CardCode::CardNotFound.code();
/// assert_eq!(code.id, "CARD-1001");
/// assert_eq!(code.reason, "CARD_NOT_FOUND");
/// assert_eq!(CardCode::ALL.len(), 2);
/// ```
///
/// A number given twice is a compile error:
///
/// ```compile_fail
/// plimsoll_errors::catalog! {
///     enum Twice: "TWICE" {
///         1001 One { status: 404, blame: Client, retry: Never,
///             title: "t", client: "c", support: "s", operator: "o" },
///         1001 Two { status: 404, blame: Client, retry: Never,
///             title: "t", client: "c", support: "s", operator: "o" },
///     }
/// }
/// ```
///
/// So are a blame that does not fit the status
///
/// ```compile_fail
/// plimsoll_errors::catalog! {
///     enum Unfit: "UNFIT" {
///         1001 One { status: 500, blame: Client, retry: Never,
///             title: "t", client: "c", support: "s", operator: "o" },
///     }
/// }
/// ```
///
/// and a missing text:
///
/// ```compile_fail
/// plimsoll_errors::catalog! {
///     enum Mute: "MUTE" {
///         1001 One { status: 404, blame: Client, retry: Never, title: "t", client: "c" },
///     }
/// }
/// ```
#[macro_export]
macro_rules! catalog {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $prefix:literal {
            $(
                $(#[$about:meta])*
                $number:literal $variant:ident { $($key:ident: $value:expr),+ $(,)? }
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        $vis enum $name {
            $(
                $(#[$about])*
                #[doc = concat!("`", $prefix, "-", $number, "`")]
                $variant = $number,
            )+
        }

        impl $name {
            /// Every code, by ascending number.
            $vis const ALL: &'static [$crate::Code] = &[
                $({
                    #[allow(unused_imports, reason = "an entry uses some of the words")]
                    use $crate::__private::declare::words::*;
                    use $crate::__private::{declare::Declared, rules};

                    const NAME: &str = stringify!($variant);
                    const REASON: [u8; rules::reason_len(NAME)] = rules::reason(NAME);
                    const ENTRY: Declared = Declared::new(
                        $prefix,
                        $number,
                        concat!($prefix, "-", $number),
                        rules::text(&REASON),
                    )
                    $(.$key($value))+;
                    $crate::__rules!(ENTRY, concat!($prefix, "-", $number, " ", stringify!($variant)));
                    ENTRY.code()
                }),+
            ];

            /// What the catalog says of this code.
            $vis const fn code(self) -> &'static $crate::Code {
                enum Position { $($variant),+ }
                match self {
                    $(Self::$variant => &Self::ALL[Position::$variant as usize]),+
                }
            }
        }

        impl From<$name> for &'static $crate::Code {
            fn from(code: $name) -> Self {
                code.code()
            }
        }

        const _: () = {
            assert!(
                $crate::__private::rules::prefix_fits($prefix),
                concat!("the prefix ", $prefix, " must be two to eight upper-case letters")
            );
            assert!(
                $crate::__private::rules::ascending($name::ALL),
                concat!(
                    "the numbers of ", $prefix, " must ascend, each given once: ",
                    "add a new code at the end of its group"
                )
            );
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __rules {
    ($entry:ident, $name:expr) => {
        const _: () = {
            use $crate::__private::rules;
            assert!(
                1000 <= $entry.number && $entry.number <= 9999,
                concat!($name, ": use a number of four digits, 1000 to 9999")
            );
            assert!(
                !$entry.reason.is_empty() && $entry.reason.len() <= rules::REASON_MAX,
                concat!(
                    $name,
                    ": use a name of ASCII letters and digits, in UPPER_SNAKE at most 63"
                )
            );
            assert!(
                matches!($entry.status, Some(400..=599)),
                concat!($name, ": add `status: NNN`, 400 to 599")
            );
            assert!(
                $entry.blame.is_some(),
                concat!(
                    $name,
                    ": add `blame: Client | Server | Dependency | Capacity`"
                )
            );
            assert!(
                rules::blame_fits($entry.blame, $entry.status),
                concat!(
                    $name,
                    ": the blame does not fit the status: ",
                    "Client is 4xx, Server and Dependency are 5xx, Capacity is 429 or 5xx"
                )
            );
            assert!(
                rules::retry_fits($entry.retry),
                concat!(
                    $name,
                    ": add `retry: Never | Safe | SameKey | After(Duration)`, After more than zero"
                )
            );
            assert!(
                !$entry.title.is_empty(),
                concat!(
                    $name,
                    ": add `title`, a few words without details of one request"
                )
            );
            assert!(
                !$entry.client.is_empty(),
                concat!($name, ": add `client`, what the caller is told to do")
            );
            assert!(
                !$entry.support.is_empty(),
                concat!(
                    $name,
                    ": add `support`, what the support desk asks and answers"
                )
            );
            assert!(
                !$entry.operator.is_empty(),
                concat!($name, ": add `operator`, what an operator looks at")
            );
        };
    };
}
