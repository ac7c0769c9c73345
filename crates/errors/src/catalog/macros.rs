//! The macro that declares a catalog.

/// Declares the codes of a service as an enum; the compiler holds the rules.
///
/// Each entry is a number of four digits, a name, and:
///
/// | key | what | |
/// |---|---|---|
/// | `status` | HTTP status, 400 to 599 | |
/// | `blame` | `Client`, `Server`, `Dependency` or `Capacity`; must fit the status | |
/// | `retry` | `Never`, `Safe`, `SameKey` or `After(Duration)`: see [`Retry`](crate::Retry) | |
/// | `title` | a few words without details of one request | |
/// | `client`, `support`, `operator` | the three voices: what each reader is told | |
/// | `slo` | `Good`, `Bad` or `Excluded` | by default as the blame says |
/// | `grpc` | a word of [`Grpc`](crate::Grpc) | by default as the status says |
/// | `owner`, `runbook` | who answers for it and how | may be left out |
/// | `untested` | why no test makes the service answer with it: `plimsoll errors coverage` | may be left out |
///
/// Numbers ascend and are unique; so are the reasons, which are made from the
/// names: `CardNotFound` is `CARD_NOT_FOUND`, at most 63 characters (AIP-193).
/// Whatever does not hold is a compile error that says what to do.
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
/// # What was published stays
///
/// `pub enum CardCode: "CARD", lock "errors.lock" { .. }` holds the catalog to
/// the file `errors.lock` beside the crate's `Cargo.toml`. A code that stands
/// there may not go away, get another number, or change its reason, status,
/// gRPC status, blame, retry policy or SLO counting: each is a compile error.
/// Texts, owner, runbook and the length of a wait may change. To retire a code,
/// remove its entry and add a line below its own: `CARD-1007 retired: why`. Its
/// number and reason can never be given again.
///
/// The file begins empty; `plimsoll errors lock` appends what is new, and
/// `plimsoll errors lock --check` fails until that is done.
///
/// ```
/// // `PLM` is published in this crate's own lock.
/// assert!(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/errors.lock")).contains("PLM-1001 "));
/// ```
#[macro_export]
macro_rules! catalog {
    ($($catalog:tt)*) => { $crate::__private::catalog! { $crate $($catalog)* } };
}

/// A [`PublicText`](crate::PublicText) with values in it. They stand in braces by
/// their names, and their types must be [`Public`](crate::Public).
///
/// ```
/// use plimsoll_errors::{Fault, PlmCode, public};
///
/// let most = 20;
/// let fault = Fault::new(PlmCode::InvalidQuery).with_detail(public!("limit is at most {most}"));
/// assert_eq!(fault.detail.unwrap().as_str(), "limit is at most 20");
/// ```
///
/// The text of an error is for the log, so this does not compile:
///
/// ```compile_fail,E0277
/// let error = "x".parse::<u8>().unwrap_err();
/// plimsoll_errors::public!("that is no number: {error}");
/// ```
#[macro_export]
macro_rules! public {
    ($($text:tt)*) => { $crate::__private::public! { $crate $($text)* } };
}
