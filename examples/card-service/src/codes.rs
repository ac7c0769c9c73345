//! The catalog: every failure of this service, its code and what each reader is told.

use plimsoll::errors::{Catalog, CatalogError, catalog};

catalog! {
    /// Codes of the card service. From 1001 the caller's, from 2001 ours.
    pub enum CardCode: "CARD", lock "errors.lock" {
        1001 AccountNotFound {
            status: 404, blame: Client, retry: Never,
            title: "Account not found",
            client: "No account has this id. Ids look like acc_0000001.",
            support: "Ask for the name on the account and look its id up.",
            operator: "Nothing to do; a rise points at a client with old or made-up ids.",
        },
        1002 CardNotFound {
            status: 404, blame: Client, retry: Never,
            title: "Card not found",
            client: "No card has this id. List the account's cards to see theirs.",
            support: "Ask for the last four digits and look the card up among the account's cards.",
            operator: "Nothing to do; a rise points at a client with old or made-up ids.",
        },
        1003 CardInactive {
            status: 409, blame: Client, retry: Never,
            title: "Card not active",
            client: "The card is not active yet. Activate it, then try again.",
            support: "The card is new; its holder activates it in the app.",
            operator: "Nothing to do.",
        },
        1004 CardBlocked {
            status: 409, blame: Client, retry: Never,
            title: "Card blocked",
            client: "The card is blocked for good. Use another one.",
            support: "Confirm who is asking before saying why; order a new card.",
            operator: "Nothing to do.",
        },
        1005 LimitExceeded {
            status: 402, blame: Client, retry: Never,
            title: "Limit exceeded",
            client: "The account's limit does not leave enough for this amount. Nothing was spent.",
            support: "The overview shows what is left; a higher limit can be asked for.",
            operator: "Nothing to do; the books stay balanced.",
        },
        1006 InvalidAmount {
            status: 422, blame: Client, retry: Never,
            title: "Invalid amount",
            client: "amount_minor must be from 1 to 100000000, in minor units of the currency.",
            support: "The shop's system sent an amount that cannot be; its provider has to look.",
            operator: "Nothing to do; a rise points at a client that mixes up its units.",
        },
        1007 CurrencyMismatch {
            status: 422, blame: Client, retry: Never,
            title: "Currency mismatch",
            client: "The account is held in another currency. Ask for the amount in that one.",
            support: "The account pays in its own currency only.",
            operator: "Nothing to do.",
        },
        1008 InvalidMerchant {
            status: 422, blame: Client, retry: Never,
            title: "Invalid merchant",
            client: "merchant must have 1 to 100 characters besides the spaces around it.",
            support: "The shop's system sent no name or a very long one; its provider has to look.",
            operator: "Nothing to do.",
        },
        2001 StoreUnavailable {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
            title: "Store unavailable",
            client: "The card store cannot be reached. Nothing was done; try again in a moment.",
            support: "Known to the team on call; nothing the customer can do.",
            operator: "Is `database_down` switched on at /faults? Then the database file and its disk.",
            owner: "cards",
        },
        2002 StoreBusy {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
            title: "Store busy",
            client: "The card store is busy. Nothing was done; try again in a moment.",
            support: "Known to the team on call; nothing the customer can do.",
            operator: "Every connection was in use for two seconds: is `database_slow_ms` set at /faults, or a query slow, or another process writing the file?",
            owner: "cards",
        },
        2003 StoreFailed {
            status: 500, blame: Dependency, retry: SameKey,
            title: "Store failed",
            client: "The card store failed. Look whether it was done before you try again.",
            support: "Note the reference; the team on call finds the cause by it.",
            operator: "The cause is on the log line with this reference: a full disk, a damaged file, or tables of another version.",
            owner: "cards",
        },
        2900 InjectedFault {
            status: 500, blame: Server, retry: Safe,
            title: "Injected fault",
            client: "This failure was switched on for a demonstration. Nothing was done.",
            support: "A demonstration is running.",
            operator: "`error_percent` is switched on; DELETE /faults on the control listener ends it.",
            owner: "cards",
        },
    }
}

/// The catalog as tools read it: this service's codes and Plimsoll's own.
///
/// ```
/// let catalog = card_service::codes::catalog()?;
/// assert!(catalog.entries().iter().any(|entry| entry.code == "CARD-1005"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Two catalogs share a code.
pub fn catalog() -> Result<Catalog, CatalogError> {
    Catalog::of(&[CardCode::ALL])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{MAX_AMOUNT_MINOR, MAX_MERCHANT_CHARS};

    #[test]
    fn the_texts_name_the_limits_that_are_held() {
        let text = |code: CardCode| code.code().client;
        assert!(text(CardCode::InvalidAmount).contains(&format!("1 to {MAX_AMOUNT_MINOR},")));
        assert!(text(CardCode::InvalidMerchant).contains(&format!("1 to {MAX_MERCHANT_CHARS} ")));
    }
}
