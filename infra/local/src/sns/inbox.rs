//! The published messages, and the failures to come.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{Failure, Message, Outcome, weather::Weather};

/// A shared view of the double; clones see the same messages.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    script: Arc<Mutex<Script>>,
    /// How many messages have been accepted since the start.
    accepted: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Script {
    attempts: Vec<Message>,
    next: VecDeque<Failure>,
    by_address: HashMap<String, Failure>,
    weather: Option<Weather>,
}

impl Inbox {
    /// The accepted messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        let accepted = |message: &&Message| message.outcome == Outcome::Accepted;
        self.script().attempts.iter().filter(accepted).cloned().collect()
    }

    /// How many messages have been accepted since the start, even if [`Self::messages`] was cleared; the
    /// receiver is notified of every change.
    pub fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }

    pub(super) fn attempts(&self) -> Vec<Message> {
        self.script().attempts.clone()
    }

    pub(super) fn clear(&self) {
        self.script().attempts.clear();
    }

    pub(super) fn fail_next(&self, failure: Failure) {
        self.script().next.push_back(failure);
    }

    pub(super) fn fail_for(&self, address: &str, failure: Failure) {
        self.script().by_address.insert(address.to_owned(), failure);
    }

    pub(super) fn restore(&self, address: &str) {
        self.script().by_address.remove(address);
    }

    pub(super) fn set_weather(&self, weather: Option<Weather>) -> u64 {
        std::mem::replace(&mut self.script().weather, weather).map(|it| it.made).unwrap_or_default()
    }

    /// The failure for this message. One for its number or ARN is not used up.
    pub(super) fn next_failure(&self, message: &Message) -> Option<Failure> {
        let mut script = self.script();
        let lasting = message.address().and_then(|address| script.by_address.get(address).cloned());
        let scripted = lasting.or_else(|| script.next.pop_front());
        scripted.or_else(|| script.weather.as_mut()?.next())
    }

    pub(super) fn record(&self, message: Message) {
        self.script().attempts.push(message);
    }

    pub(super) fn conclude(&self, id: &str, outcome: Outcome) {
        let accepted = outcome == Outcome::Accepted;
        if let Some(message) = self.script().attempts.iter_mut().rev().find(|message| message.id == id) {
            message.outcome = outcome;
        }
        if accepted {
            self.accepted.send_modify(|count| *count += 1);
        }
    }

    /// A panic elsewhere cannot leave this state inconsistent.
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
