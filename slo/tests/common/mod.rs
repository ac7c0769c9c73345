//! What several tests need.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use plimsoll_slo::{SloFile, load};

/// The card service's objectives.
pub(crate) fn card_service() -> SloFile {
    load(&[concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/specs/card-service.yaml"
    )])
    .unwrap()
}
