//! The words every part of Plimsoll shares: names, outcomes, blame, the request record, the observed body.
