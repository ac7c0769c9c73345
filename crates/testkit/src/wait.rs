//! Waiting for a condition, never for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take before a test fails: far above what it takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at a condition.
pub(crate) const LOOK: Duration = Duration::from_millis(2);

/// Waits until `look` finds something.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_testkit::wait::until;
///
/// let mut looks = 0;
/// let found = until("the third look", || {
///     looks += 1;
///     (looks == 3).then_some(looks)
/// });
/// assert_eq!(found.await, 3);
/// # });
/// ```
///
/// # Panics
///
/// After [`PATIENCE`], naming `what`.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(LOOK).await;
    }
}

/// As [`until`], for what has to be asked for.
///
/// # Panics
///
/// After [`PATIENCE`], naming `what`.
pub async fn until_told<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            sleep(LOOK).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, asked).await;
    found.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
