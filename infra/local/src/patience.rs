//! The time-outs of callers of the doubles, without waiting for them.
//!
//! A time-out of the SDK is meant for a service that does not respond. A busy machine is only slow, so here a
//! time-out fires only if a double declares itself silent, and then at once.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ciba::config::Wait;
use tokio::sync::oneshot;

/// Anything shorter is a pause between two attempts, which passes by itself.
const SHORTEST_TIME_OUT: Duration = Duration::from_millis(500);
/// How long a silent double waits for a caller that is still connected, until the next time-out.
const UNHEARD: Duration = Duration::from_secs(5);

/// The time-outs of the functions of one test. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Patience(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// The time up to which time-outs have fired.
    now: Duration,
    /// When each fires, and its waiter.
    timeouts: Vec<(Duration, oneshot::Sender<()>)>,
}

impl Patience {
    /// How long the callers have waited in vain so far.
    pub fn waited(&self) -> Duration {
        self.waiting(|it| it.now)
    }

    /// Never responds. The caller's time-outs fire, one after the other, as long as it is connected.
    pub async fn silence(&self) -> Infallible {
        loop {
            self.waiting(Waiting::run_out);
            tokio::time::sleep(UNHEARD).await;
        }
    }

    fn waiting<T>(&self, of: impl FnOnce(&mut Waiting) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting {
    /// Fires the next time-out that is still awaited, and all others at the same time.
    fn run_out(&mut self) {
        self.timeouts.retain(|(_, waiter)| !waiter.is_closed());
        let Some(next) = self.timeouts.iter().map(|(at, _)| *at).min() else { return };
        self.now = self.now.max(next);
        for (_, waiter) in self.timeouts.extract_if(.., |(at, _)| *at <= next) {
            let _ = waiter.send(());
        }
    }
}

impl Wait for Patience {
    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        if time < SHORTEST_TIME_OUT {
            return Box::pin(tokio::time::sleep(time));
        }
        let (waiter, out) = oneshot::channel();
        self.waiting(|it| it.timeouts.push((it.now + time, waiter)));
        Box::pin(async move {
            let _ = out.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn time_outs_run_out_in_their_order_while_one_is_silent() {
        let patience = Patience::default();
        let (call, attempt) = (patience.wait(Duration::from_secs(3)), patience.wait(Duration::from_secs(1)));
        tokio::select! {
            biased;
            () = attempt => {}
            () = call => panic!("the call's own time-out is later"),
            never = patience.silence() => match never {}
        }
        assert_eq!(patience.waited(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_time_out_that_nobody_waits_for_any_more_is_passed_over() {
        let patience = Patience::default();
        drop(patience.wait(Duration::from_secs(1)));
        let other = patience.wait(Duration::from_secs(2));
        tokio::select! {
            () = other => {}
            never = patience.silence() => match never {}
        }
        assert_eq!(patience.waited(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn without_silence_only_pauses_pass() {
        let patience = Patience::default();
        patience.wait(Duration::from_millis(50)).await;
        let out =
            tokio::time::timeout(Duration::from_secs(3600), patience.wait(Duration::from_secs(1))).await;
        assert!(out.is_err());
    }
}
