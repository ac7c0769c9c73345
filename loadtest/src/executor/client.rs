//! The connections that all visitors share.

use std::time::Duration;

use reqwest::{Client, redirect};

/// A pool of connections; `timeout` runs from sending to the end of the body.
///
/// # Errors
/// The TLS library can't be set up.
pub fn connections(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(usize::MAX)
        .user_agent(concat!("plimsoll-loadtest/", env!("CARGO_PKG_VERSION")))
        .build()
}
