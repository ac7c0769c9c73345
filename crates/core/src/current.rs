//! The record of the request that is being polled on this thread.
//!
//! The layer moves its record here for the length of each poll and takes it
//! back after, so an event, a limiter or an error finds it without a lock, a
//! span look-up or an allocation. Work given to `tokio::spawn` is polled
//! elsewhere; [`carry`] brings the ids and the tracing context along.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ids::Ids;
use crate::record::{Ambient, Record};

thread_local! {
    static CURRENT: RefCell<Option<Box<Record>>> = const { RefCell::new(None) };
    static CARRIED: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// Lets `act` see and change the current record. `None` when no request is
/// being polled here, or when called from inside another `with`.
pub fn with<R>(act: impl FnOnce(&mut Record) -> R) -> Option<R> {
    CURRENT.with(|current| {
        let mut current = current.try_borrow_mut().ok()?;
        current.as_deref_mut().map(act)
    })
}

/// The ids of the request being polled here, or carried here by [`carry`].
pub fn ids() -> Option<Ids> {
    with(|record| record.ids)
        .or_else(|| CARRIED.with(|load| Some(load.try_borrow().ok()?.as_ref()?.ids)))
}

/// Whether a request is being polled here.
pub fn is_set() -> bool {
    CURRENT.with(|current| {
        current
            .try_borrow()
            .map_or(true, |current| current.is_some())
    })
}

/// Makes a record current until it is dropped; see [`crate::Open::enter`].
#[derive(Debug)]
pub struct Entered<'a> {
    home: &'a mut Option<Box<Record>>,
    outer: Option<Box<Record>>,
}

impl<'a> Entered<'a> {
    pub(crate) fn new(home: &'a mut Option<Box<Record>>) -> Self {
        if let Some(ambient) = ambient(home.as_deref()) {
            ambient.enter();
        }
        let outer = swap(home.take());
        Self { home, outer }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.home = swap(self.outer.take());
        if let Some(ambient) = ambient(self.home.as_deref()) {
            ambient.exit();
        }
    }
}

fn ambient(home: Option<&Record>) -> Option<&dyn Ambient> {
    home?.ambient.as_deref()
}

fn swap(record: Option<Box<Record>>) -> Option<Box<Record>> {
    CURRENT.with(|current| match current.try_borrow_mut() {
        Ok(mut current) => std::mem::replace(&mut *current, record),
        // Inside `with`: a request polled by the closure of another. Keep ours home.
        Err(_) => record,
    })
}

/// What follows a request's work to another task.
#[derive(Debug)]
struct Load {
    ids: Ids,
    ambient: Option<Box<dyn Ambient>>,
}

impl Load {
    /// From the request being polled here, or from work that was carried here.
    fn current() -> Option<Self> {
        let of_request = with(|record| (record.ids, carried(record.ambient.as_deref())));
        let found = of_request.or_else(|| {
            CARRIED.with(|load| {
                let load = load.try_borrow().ok()?;
                let load = load.as_ref()?;
                Some((load.ids, carried(load.ambient.as_deref())))
            })
        });
        found.map(|(ids, ambient)| Self { ids, ambient })
    }
}

fn carried(ambient: Option<&dyn Ambient>) -> Option<Box<dyn Ambient>> {
    ambient?.carried()
}

pin_project! {
    /// A future whose events carry the ids of the request that made it, and whose
    /// spans and outgoing calls stand in its trace.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Carried<F> {
        #[pin]
        inner: F,
        load: Option<Load>,
    }
}

/// Wraps work for `tokio::spawn` so that it keeps the current request's ids and
/// the tracing context that is active now.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use plimsoll_core::current;
///
/// // In a handler: `current::ids()` within is the request's.
/// let work = tokio::spawn(current::carry(async { current::ids() }));
/// assert_eq!(work.await.unwrap(), current::ids());
/// # });
/// ```
pub fn carry<F: Future>(work: F) -> Carried<F> {
    Carried {
        inner: work,
        load: Load::current(),
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _aboard = Aboard::new(this.load);
        this.inner.poll(context)
    }
}

/// Makes a load current until it is dropped.
struct Aboard<'a> {
    home: &'a mut Option<Load>,
    outer: Option<Load>,
}

impl<'a> Aboard<'a> {
    fn new(home: &'a mut Option<Load>) -> Self {
        if let Some(ambient) = home.as_ref().and_then(|load| load.ambient.as_deref()) {
            ambient.enter();
        }
        let outer = CARRIED.replace(home.take());
        Self { home, outer }
    }
}

impl Drop for Aboard<'_> {
    fn drop(&mut self) {
        *self.home = CARRIED.replace(self.outer.take());
        if let Some(ambient) = self.home.as_ref().and_then(|load| load.ambient.as_deref()) {
            ambient.exit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::record::fresh_ids;

    #[test]
    fn a_nested_request_hides_the_outer_one_and_gives_it_back() {
        let mut outer = Some(Box::new(Record::new(fresh_ids(false), 1)));
        let mut inner = Some(Box::new(Record::new(fresh_ids(false), 2)));
        assert!(!is_set());
        {
            let _outer = Entered::new(&mut outer);
            {
                let _inner = Entered::new(&mut inner);
                assert_eq!(with(|record| record.started), Some(2));
            }
            assert_eq!(with(|record| record.started), Some(1));
        }
        assert!(!is_set());
        assert_eq!(outer.unwrap().started, 1);
        assert_eq!(inner.unwrap().started, 2);
    }

    #[test]
    fn a_panic_in_a_poll_brings_the_record_home() {
        let mut home = Some(Box::new(Record::new(fresh_ids(false), 7)));
        let poll = std::panic::AssertUnwindSafe(|| {
            let _entered = Entered::new(&mut home);
            panic!("handler");
        });
        assert!(std::panic::catch_unwind(poll).is_err());
        assert_eq!(home.unwrap().started, 7);
    }

    #[tokio::test]
    async fn spawned_work_keeps_the_ids_it_was_wrapped_with() {
        let ids_of_request = fresh_ids(true);
        let mut home = Some(Box::new(Record::new(ids_of_request, 7)));
        let work = {
            let _entered = Entered::new(&mut home);
            carry(async { ids() })
        };
        let seen = tokio::spawn(work).await.unwrap();
        assert_eq!(seen, Some(ids_of_request));
        assert_eq!(ids(), None);
    }

    #[tokio::test]
    async fn work_spawned_by_spawned_work_keeps_ids_and_ambient() {
        #[derive(Debug, Clone)]
        struct Count(Arc<AtomicUsize>);
        impl Ambient for Count {
            fn enter(&self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            fn exit(&self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
            fn clear(&mut self) {}
            fn carried(&self) -> Option<Box<dyn Ambient>> {
                Some(Box::new(self.clone()))
            }
        }
        let ambient = Count(Arc::default());
        let of_request = fresh_ids(true);
        let mut record = Record::new(of_request, 7);
        record.ambient = Some(Box::new(ambient.clone()));
        let mut home = Some(Box::new(record));
        let active = Arc::clone(&ambient.0);
        let inner = async move { (ids(), active.load(Ordering::Relaxed)) };
        let outer = {
            let _entered = Entered::new(&mut home);
            carry(async { tokio::spawn(carry(inner)).await.unwrap() })
        };
        assert_eq!(tokio::spawn(outer).await.unwrap(), (Some(of_request), 1));
        assert_eq!(ambient.0.load(Ordering::Relaxed), 0);
    }
}
