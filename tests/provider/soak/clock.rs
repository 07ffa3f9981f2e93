//! The time of a world. It stands still while anybody does something, and then moves on to the next moment that somebody
//! waits for. Whoever waits for the same moment acts at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ciba::domain::base::time::Timestamp;
use ciba_tests::at;
use tokio::sync::{Notify, oneshot};

/// Shared by a world's flows.
#[derive(Default)]
pub(super) struct Clock {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    /// Unit: ms after the beginning.
    now: u64,
    busy: usize,
    flows: usize,
    waiting: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
}

impl Clock {
    /// `flows` of them will leave; beside them `others` go on until no flow is left.
    pub(super) fn new(flows: usize, others: usize) -> Self {
        let inner = Inner { busy: flows + others, flows, ..Inner::default() };
        Self { inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Seconds after the beginning.
    pub(super) fn seconds(&self) -> f64 {
        self.inner().now as f64 / 1000.0
    }

    pub(super) fn now(&self) -> Timestamp {
        at(self.seconds())
    }

    /// Whether any flow goes on.
    pub(super) fn is_running(&self) -> bool {
        self.inner().flows > 0
    }

    /// Waits for `seconds` to pass.
    pub(super) async fn wait(&self, seconds: f64) {
        let (sender, receiver) = oneshot::channel();
        {
            let mut inner = self.inner();
            let until = inner.now + (seconds * 1000.0) as u64;
            inner.waiting.entry(until).or_default().push(sender);
            inner.busy -= 1;
        }
        self.changed.notify_one();
        receiver.await.expect("the clock goes on");
    }

    /// A flow is over.
    pub(super) fn leave(&self) {
        let mut inner = self.inner();
        inner.busy -= 1;
        inner.flows -= 1;
        drop(inner);
        self.changed.notify_one();
    }

    /// Somebody else is done, too.
    pub(super) fn stop(&self) {
        self.inner().busy -= 1;
        self.changed.notify_one();
    }

    /// Moves on until nobody waits.
    pub(super) async fn run(&self) {
        loop {
            self.changed.notified().await;
            let mut inner = self.inner();
            if inner.busy > 0 {
                continue;
            }
            let Some((now, waiting)) = inner.waiting.pop_first() else { return };
            inner.now = now;
            inner.busy = waiting.len();
            for waiter in waiting {
                waiter.send(()).expect("who waits is there");
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
