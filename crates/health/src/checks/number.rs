use crate::Check;

/// Passes while a number that the service keeps is at most this: a queue's lag,
/// a backlog, an age in seconds. It is asked on the runtime, so it has to answer
/// at once.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use plimsoll_health::checks::at_most;
///
/// static LAG: AtomicU64 = AtomicU64::new(0);
/// let lag = at_most("orders-lag", 10_000, || LAG.load(Ordering::Relaxed)).optional();
/// # let _ = lag;
/// ```
pub fn at_most(
    name: impl Into<String>,
    limit: u64,
    number: impl Fn() -> u64 + Send + Sync + 'static,
) -> Check {
    Check::new(name, move || {
        let is = number();
        std::future::ready(if is > limit {
            Err(format!("{is}, more than {limit}"))
        } else {
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn it_is_asked_anew_each_time() {
        let lag = Arc::new(AtomicU64::new(10));
        let seen = Arc::clone(&lag);
        let check = at_most("lag", 10, move || seen.load(Ordering::Relaxed));
        assert_eq!(ask(&check).await, Ok(()));
        lag.store(11, Ordering::Relaxed);
        assert_eq!(ask(&check).await, Err("11, more than 10".into()));
    }
}
