//! Concurrency limits per client, so that a slow client's endpoint does not delay notifications to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;

/// The most concurrent calls to one client in one instance of the function.
const WIDTH: usize = 5;
/// How long a client that did not answer gets only one call at a time.
const SLOW_FOR: Duration = Duration::from_secs(10);
/// How long a client that took more time to answer than the stream's records have is left to the queue.
const UNHURRIED_FOR: Duration = Duration::from_secs(600);
/// The number of lanes at which all are discarded, which limits the memory of a function that calls many clients.
const MOST: usize = 1000;

/// The lanes of one warm function, one per client.
#[derive(Default)]
pub struct Lanes(Mutex<HashMap<ClientId, Lane>>);

/// One client's lane.
#[derive(Clone)]
pub struct Lane {
    room: Arc<Semaphore>,
    pace: Arc<Mutex<Pace>>,
}

/// How quickly a client answers.
#[derive(Clone, Copy, Default)]
struct Pace {
    /// The time until which the client counts as slow.
    slow_until: Option<Timestamp>,
    /// The time until which the client is not called by what others wait for.
    unhurried_until: Option<Timestamp>,
}

impl Lanes {
    pub fn of(&self, client: &ClientId) -> Lane {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MOST {
            lanes.clear();
        }
        let new = || Lane { room: Arc::new(Semaphore::new(WIDTH)), pace: Arc::default() };
        lanes.entry(client.clone()).or_insert_with(new).clone()
    }
}

impl Lane {
    /// Waits for a place in the lane. `Err` if the client is slow and a call to it is in progress; it contains
    /// the time at which to retry.
    pub async fn enter(&self, now: Timestamp) -> Result<OwnedSemaphorePermit, Timestamp> {
        if let Some(until) = self.slow_until(now) {
            return self.enter_alone(until);
        }
        let entered = Arc::clone(&self.room).acquire_owned().await;
        // While this call waited, an earlier one may have found that the client does not answer.
        match (entered, self.slow_until(now)) {
            (Ok(place), None) => Ok(place),
            (_, Some(until)) => Err(until),
            // A lane is never closed.
            (Err(_), None) => Err(now.plus(SLOW_FOR)),
        }
    }

    fn enter_alone(&self, until: Timestamp) -> Result<OwnedSemaphorePermit, Timestamp> {
        let all = u32::try_from(WIDTH).unwrap_or(1);
        Arc::clone(&self.room).try_acquire_many_owned(all).map_err(|_| until)
    }

    /// Records whether the client was too slow to answer a call, and whether it took longer than a call may take
    /// that others wait for.
    pub fn answered(&self, slow: bool, unhurried: bool, now: Timestamp) {
        let mut pace = self.pace();
        pace.slow_until = slow.then(|| now.plus(SLOW_FOR));
        if unhurried {
            pace.unhurried_until = Some(now.plus(UNHURRIED_FOR));
        }
    }

    /// Whether the client has been found to need more time than a call has that others wait for.
    pub fn is_unhurried(&self, now: Timestamp) -> bool {
        self.pace().unhurried_until.is_some_and(|until| now < until)
    }

    fn slow_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.pace().slow_until.filter(|until| now < *until)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn lane(lanes: &Lanes, client: &str) -> Lane {
        lanes.of(&ClientId::parse(client).unwrap())
    }

    /// Whether there is a place immediately.
    async fn enters(lane: &Lane, now: Timestamp) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            entered = lane.enter(now) => entered.ok(),
            () = std::future::ready(()) => None,
        }
    }

    /// ATK-6-04
    #[tokio::test]
    async fn each_client_has_five_concurrent_calls_of_its_own() {
        let lanes = Lanes::default();
        let mut places = Vec::new();
        for _ in 0..WIDTH {
            places.push(enters(&lane(&lanes, "kiosk"), NOW).await.expect("a place"));
        }
        assert!(enters(&lane(&lanes, "kiosk"), NOW).await.is_none());
        assert!(enters(&lane(&lanes, "till"), NOW).await.is_some());
        places.pop();
        assert!(enters(&lane(&lanes, "kiosk"), NOW).await.is_some());
    }

    /// ATK-6-04: the limit ends when the client answers again, or after some time.
    #[tokio::test]
    async fn an_unresponsive_client_is_tried_by_one_call_at_a_time() {
        let lanes = Lanes::default();
        let kiosk = lane(&lanes, "kiosk");
        kiosk.answered(true, true, NOW);
        let probe = kiosk.enter(NOW).await.expect("one call");
        assert_eq!(kiosk.enter(NOW).await.unwrap_err(), NOW.plus(SLOW_FOR));
        drop(probe);
        assert!(kiosk.enter(NOW).await.is_ok());
        // The time has passed, or the client has answered again.
        let later = NOW.plus(SLOW_FOR);
        let _first = enters(&kiosk, later).await.expect("a place");
        assert!(enters(&kiosk, later).await.is_some());
        kiosk.answered(true, true, NOW);
        kiosk.answered(false, false, NOW);
        assert!(enters(&kiosk, NOW).await.is_some());
    }

    /// Even if it answers whoever gives it the time, because the next call in a hurry would be made in vain.
    #[tokio::test]
    async fn a_client_that_takes_its_time_is_left_to_the_queue() {
        let kiosk = lane(&Lanes::default(), "kiosk");
        assert!(!kiosk.is_unhurried(NOW));
        kiosk.answered(true, true, NOW);
        kiosk.answered(false, false, NOW);
        assert!(kiosk.is_unhurried(NOW) && enters(&kiosk, NOW).await.is_some());
        let last = Timestamp::from_millis(NOW.plus(UNHURRIED_FOR).millis() - 1);
        assert!(kiosk.is_unhurried(last) && !kiosk.is_unhurried(NOW.plus(UNHURRIED_FOR)));
    }

    /// Calls that queue for the lane do not each wait for a timeout of their own.
    #[tokio::test]
    async fn who_waits_for_a_place_learns_that_the_client_is_slow() {
        let kiosk = lane(&Lanes::default(), "kiosk");
        let mut places = Vec::new();
        for _ in 0..WIDTH {
            places.push(kiosk.enter(NOW).await.expect("a place"));
        }
        let waiting = tokio::spawn({
            let kiosk = kiosk.clone();
            async move { kiosk.enter(NOW).await.err() }
        });
        tokio::task::yield_now().await;
        kiosk.answered(true, true, NOW);
        drop(places);
        assert_eq!(waiting.await.unwrap(), Some(NOW.plus(SLOW_FOR)));
    }
}
