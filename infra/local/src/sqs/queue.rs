//! A standard queue, without a clock: at least once, in no particular order, with dead letters.
//!
//! The inconvenient behaviour is the same as on AWS. A received message comes back when its visibility timeout has
//! passed. A receipt handle is valid until the message is received again: a deletion with an older one is accepted
//! but does nothing. The visibility timeout is at most 12 hours from the receipt, however often it is changed.

use std::time::{Duration, SystemTime};

use crate::{
    disorder::{Disorder, Random},
    id,
};

/// The longest time that a message can stay invisible after it was received.
pub(super) const LONGEST_INVISIBLE: Duration = Duration::from_secs(43_200);

/// The settings and the messages of a queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) settings: Settings,
    disorder: Disorder,
    random: Random,
    messages: Vec<Stored>,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) visibility_timeout: Duration,
    pub(super) retention: Duration,
    pub(super) max_receive_count: Option<u64>,
}

/// A message, as it is stored in a queue. Duplicates have the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    id: String,
    /// Identifies this copy.
    copy: String,
    body: String,
    sender: String,
    sent_at: SystemTime,
    visible_at: SystemTime,
    receive_count: u64,
    first_received_at: Option<SystemTime>,
    received_at: SystemTime,
}

/// A message, as it is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub receipt_handle: String,
    pub body: String,
    /// The sender: an access key id.
    pub sender: String,
    pub sent_at: SystemTime,
    pub first_received_at: SystemTime,
    /// Including this time.
    pub receive_count: u64,
}

/// The messages for a receiver, and those that have been received too often for that.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    pub(super) dead: Vec<Stored>,
}

/// Why the visibility of a message cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotChanged {
    /// The handle is malformed.
    NoHandle,
    /// The message no longer exists.
    Gone,
    /// It is visible again, or has been received again since.
    NotInFlight,
    /// It would be invisible for more than 12 hours.
    TooLong,
}

/// How many messages a queue has, by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) visible: usize,
    pub(super) in_flight: usize,
    pub(super) delayed: usize,
}

impl Queue {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, disorder: Disorder::default(), random: Random::default(), messages: Vec::new() }
    }

    /// Creates disorder from now on.
    pub(super) fn disturb(&mut self, disorder: Disorder) {
        self.disorder = disorder;
        self.random = Random::new(disorder.seed);
    }

    /// Stores a message and returns its id.
    pub(super) fn send(&mut self, body: &str, sender: &str, delay: Duration, now: SystemTime) -> String {
        let stored = Stored {
            id: id::uuid(),
            copy: id::token(),
            body: body.to_owned(),
            sender: sender.to_owned(),
            sent_at: now,
            visible_at: now + delay,
            receive_count: 0,
            first_received_at: None,
            received_at: now,
        };
        let id = stored.id.clone();
        if self.disorder.duplicates {
            self.messages.push(Stored { copy: id::token(), ..stored.clone() });
        }
        self.messages.push(stored);
        id
    }

    /// Stores a dead letter of another queue. It keeps the time it was sent, and with it the end of its retention.
    pub(super) fn bury(&mut self, dead: Stored, now: SystemTime) {
        self.messages.push(Stored { visible_at: now, ..dead });
    }

    /// Returns at most `most` messages, each invisible from now on.
    pub(super) fn receive(
        &mut self,
        most: usize,
        visibility_timeout: Option<Duration>,
        now: SystemTime,
    ) -> Received {
        let retention = self.settings.retention;
        self.messages.retain(|message| now < message.sent_at + retention);
        let timeout = visibility_timeout.unwrap_or(self.settings.visibility_timeout);
        let is_due = |index: &usize| self.messages[*index].visible_at <= now;
        let mut due: Vec<usize> = (0..self.messages.len()).filter(is_due).collect();
        if self.disorder.reorder {
            self.random.shuffle(&mut due);
        }
        let mut received = Received::default();
        let mut dead = Vec::new();
        for index in due {
            let message = &mut self.messages[index];
            if self.settings.max_receive_count.is_some_and(|most| message.receive_count >= most) {
                dead.push(message.copy.clone());
            } else if received.messages.len() < most {
                received.messages.push(message.receive(timeout, now));
            }
        }
        received.dead = self.messages.extract_if(.., |message| dead.contains(&message.copy)).collect();
        received
    }

    /// Deletes the message of this handle, unless it has been received again since, which is not reported.
    pub(super) fn delete(&mut self, receipt_handle: &str) -> Result<(), NotChanged> {
        read_handle(receipt_handle)?;
        self.messages.retain(|message| message.receipt_handle() != receipt_handle);
        Ok(())
    }

    /// Makes a received message invisible until `timeout` from now.
    pub(super) fn change_visibility(
        &mut self,
        receipt_handle: &str,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<(), NotChanged> {
        let copy = read_handle(receipt_handle)?;
        let message = self.messages.iter_mut().find(|message| message.copy == copy);
        let message = message.ok_or(NotChanged::Gone)?;
        if message.receipt_handle() != receipt_handle || message.visible_at <= now {
            return Err(NotChanged::NotInFlight);
        }
        if now + timeout > message.received_at + LONGEST_INVISIBLE {
            return Err(NotChanged::TooLong);
        }
        message.visible_at = now + timeout;
        Ok(())
    }

    pub(super) fn count(&self, now: SystemTime) -> Count {
        let mut count = Count::default();
        for message in &self.messages {
            if message.visible_at <= now {
                count.visible += 1;
            } else if message.receive_count > 0 {
                count.in_flight += 1;
            } else {
                count.delayed += 1;
            }
        }
        count
    }

    /// The bodies of all messages in it, received or not.
    pub(super) fn bodies(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.body.clone()).collect()
    }

    /// When the next message can be received.
    pub(super) fn next_visible(&self) -> Option<SystemTime> {
        self.messages.iter().map(|message| message.visible_at).min()
    }
}

impl Stored {
    fn receive(&mut self, timeout: Duration, now: SystemTime) -> Message {
        self.receive_count += 1;
        self.received_at = now;
        self.visible_at = now + timeout;
        Message {
            id: self.id.clone(),
            receipt_handle: self.receipt_handle(),
            body: self.body.clone(),
            sender: self.sender.clone(),
            sent_at: self.sent_at,
            first_received_at: *self.first_received_at.get_or_insert(now),
            receive_count: self.receive_count,
        }
    }

    /// A different one each time it is received.
    fn receipt_handle(&self) -> String {
        format!("{}.{}", self.copy, self.receive_count)
    }
}

fn read_handle(handle: &str) -> Result<&str, NotChanged> {
    let (copy, count) = handle.split_once('.').ok_or(NotChanged::NoHandle)?;
    count.parse::<u64>().map(|_| copy).map_err(|_| NotChanged::NoHandle)
}

#[cfg(test)]
mod tests;
