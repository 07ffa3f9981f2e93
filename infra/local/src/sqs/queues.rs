//! All queues of the double, under their names in the template.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::{
    Call, Failure, Message,
    queue::{NotChanged, Queue, Settings, Stored},
};
use crate::{ACCOUNT, REGION, clock::Clock, disorder::Disorder, template};

/// The queues, for callers over HTTP and for code in this process that takes the place of Lambda.
#[derive(Debug)]
pub struct Queues {
    /// The prefix of all queue URLs.
    url: String,
    pub(super) clock: Clock,
    queues: Mutex<BTreeMap<String, Named>>,
    record: Mutex<Record>,
}

/// A queue, and the destination of its dead letters.
#[derive(Debug)]
struct Named {
    queue: Queue,
    redrive: Option<template::Redrive>,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<Call>,
    /// Every body that was ever sent.
    bodies: Vec<String>,
    failures: VecDeque<(String, Failure)>,
}

impl Queues {
    pub(super) fn new(url: String, queues: &[template::Queue], clock: Clock) -> Self {
        let named = |queue: &template::Queue| {
            let settings = Settings {
                visibility_timeout: Duration::from_secs(queue.visibility_timeout),
                retention: Duration::from_secs(queue.retention),
                max_receive_count: queue.redrive.as_ref().map(|redrive| redrive.max_receive_count),
            };
            let named = Named { queue: Queue::new(settings), redrive: queue.redrive.clone() };
            (queue.logical_id.clone(), named)
        };
        let queues = Mutex::new(queues.iter().map(named).collect());
        Self { url, clock, queues, record: Mutex::default() }
    }

    /// The URL of a queue, for settings.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.url)
    }

    /// The name of the queue at a URL, whatever host name the caller uses.
    pub(super) fn named_by(&self, url: &str) -> Option<String> {
        let (account, name) = url.rsplit_once('/')?;
        (account.ends_with(&format!("/{ACCOUNT}")) && self.knows(name)).then(|| name.to_owned())
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        lock(&self.queues).contains_key(name)
    }

    /// Sends a message, and returns its id; `None` if there is no such queue.
    pub fn send(&self, name: &str, body: &str, sender: &str, delay: Duration) -> Option<String> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let id = queues.get_mut(name)?.queue.send(body, sender, delay, now);
        lock(&self.record).bodies.push(body.to_owned());
        Some(id)
    }

    /// Receives messages, and moves those received too often to the dead-letter queue.
    pub fn receive(&self, name: &str, most: usize, visibility_timeout: Option<Duration>) -> Vec<Message> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let Some(named) = queues.get_mut(name) else { return Vec::new() };
        let received = named.queue.receive(most, visibility_timeout, now);
        if let Some(dead_letters) = named.redrive.as_ref().map(|redrive| redrive.queue.clone()) {
            bury(&mut queues, &dead_letters, received.dead, now);
        }
        received.messages
    }

    /// Deletes a message; it is not an error if it does not exist.
    pub fn delete(&self, name: &str, receipt_handle: &str) {
        // Only handles that were returned before are passed here.
        let _ = self.try_delete(name, receipt_handle);
    }

    pub(super) fn try_delete(&self, name: &str, receipt_handle: &str) -> Result<(), NotChanged> {
        let mut queues = lock(&self.queues);
        queues.get_mut(name).map_or(Err(NotChanged::Gone), |it| it.queue.delete(receipt_handle))
    }

    pub(super) fn change_visibility(
        &self,
        name: &str,
        receipt_handle: &str,
        timeout: Duration,
    ) -> Result<(), NotChanged> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let named = queues.get_mut(name).ok_or(NotChanged::Gone)?;
        named.queue.change_visibility(receipt_handle, timeout, now)
    }

    /// The attributes of a queue, by their names in `GetQueueAttributes`.
    pub(super) fn attributes(&self, name: &str) -> BTreeMap<&'static str, String> {
        let now = self.clock.now();
        let queues = lock(&self.queues);
        let Some(named) = queues.get(name) else { return BTreeMap::new() };
        let count = named.queue.count(now);
        let mut attributes = BTreeMap::from([
            ("QueueArn", arn(name)),
            ("ApproximateNumberOfMessages", count.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", count.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", count.delayed.to_string()),
            ("VisibilityTimeout", named.queue.settings.visibility_timeout.as_secs().to_string()),
            ("MessageRetentionPeriod", named.queue.settings.retention.as_secs().to_string()),
        ]);
        if let Some(redrive) = &named.redrive {
            let (dead_letters, most) = (arn(&redrive.queue), redrive.max_receive_count);
            let policy = serde_json::json!({"deadLetterTargetArn": dead_letters, "maxReceiveCount": most});
            attributes.insert("RedrivePolicy", policy.to_string());
        }
        attributes
    }

    /// The bodies of all messages in a queue, received or not.
    pub fn bodies(&self, name: &str) -> Vec<String> {
        lock(&self.queues).get(name).map(|named| named.queue.bodies()).unwrap_or_default()
    }

    /// The bodies of all messages ever sent, to any queue.
    pub fn sent(&self) -> Vec<String> {
        lock(&self.record).bodies.clone()
    }

    /// When the next message of a queue can be received.
    pub fn next_visible(&self, name: &str) -> Option<SystemTime> {
        lock(&self.queues).get(name)?.queue.next_visible()
    }

    /// Creates disorder from now on, in every queue.
    pub fn disturb(&self, disorder: Disorder) {
        for named in lock(&self.queues).values_mut() {
            named.queue.disturb(disorder);
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        lock(&self.record).calls.clone()
    }

    pub(super) fn forget_calls(&self) {
        lock(&self.record).calls.clear();
    }

    pub(super) fn record(&self, call: Call) {
        lock(&self.record).calls.push(call);
    }

    pub(super) fn fail_next(&self, operation: &str, failure: Failure) {
        lock(&self.record).failures.push_back((operation.to_owned(), failure));
    }

    pub(super) fn next_failure(&self, operation: &str) -> Option<Failure> {
        let failures = &mut lock(&self.record).failures;
        let index = failures.iter().position(|(of, _)| of == operation)?;
        failures.remove(index).map(|(_, failure)| failure)
    }
}

fn bury(queues: &mut BTreeMap<String, Named>, name: &str, dead: Vec<Stored>, now: SystemTime) {
    if let Some(named) = queues.get_mut(name) {
        dead.into_iter().for_each(|message| named.queue.bury(message, now));
    }
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// A panic elsewhere cannot leave this state inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
