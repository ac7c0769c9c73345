//! Looks that may block, each on a thread that may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Check;

/// A check that calls `look` on a thread for blocking work. A look that hangs, as
/// one at a file system over a network can, is never joined by a second.
pub(super) fn blocking(
    name: impl Into<String>,
    look: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Check {
    let look = Arc::new(look);
    let under_way = Arc::new(AtomicBool::new(false));
    Check::new(name, move || {
        let look = Arc::clone(&look);
        let under_way = Arc::clone(&under_way);
        async move {
            if under_way.swap(true, Ordering::AcqRel) {
                return Err("the look before this one has not ended".into());
            }
            let over = Over(under_way);
            let looked = tokio::task::spawn_blocking(move || {
                let _over = over;
                look()
            });
            looked.await.unwrap_or_else(|error| Err(error.to_string()))
        }
    })
}

/// Says at its end, a panic's included, that the look is over.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;
    use std::sync::{Mutex, mpsc};

    #[tokio::test]
    async fn one_that_hangs_is_not_joined_by_a_second() {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let (begun, under_way) = mpsc::channel();
        let check = blocking("disk", move || {
            let _ = begun.send(());
            let held = held.lock().unwrap();
            held.recv().map_err(|error| error.to_string())
        });
        let first = tokio::spawn((check.ask)());
        while under_way.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let joined = ask(&check).await;
        assert_eq!(joined, Err("the look before this one has not ended".into()));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(()));
        drop(release);
        assert!(ask(&check).await.unwrap_err().contains("closed channel"));
    }
}
