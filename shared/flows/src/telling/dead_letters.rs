//! Lists failed deliveries, and retries them when the client has recovered.
//!
//! A dead letter names a request. Its current state is in the table, so a superfluous letter does no harm and no
//! letter is the only source of truth.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Invocation;
use ciba_aws::notify::{DeliveryQueue, Letter, QueueError};
use ciba_aws::store::{DeliveryReport, StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::request::delivery::{DeliveryState, TELL_OF_THE_END};

/// How long letters are hidden in the queue while they are examined. After a crash they reappear when this time
/// has passed.
const LOOKED_AT: Duration = Duration::from_secs(60);
/// The maximum number of letters examined at once.
const MOST: usize = 200;

/// The dependencies of this flow.
pub struct DeadLetters<'a> {
    pub table: &'a Table,
    pub queue: &'a DeliveryQueue,
    pub dead_letters: &'a DeliveryQueue,
}

/// The table or the queue failed.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// The contents of the dead letter queue.
pub struct Found {
    /// Each request once, in order of expiry.
    pub deliveries: Vec<DeliveryReport>,
    /// `false` if there may be more.
    pub is_complete: bool,
}

/// The outcome for a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The request is in the delivery queue, and its client is called within seconds.
    Again,
    /// The client has been notified since, or no longer needs to be.
    Settled,
    /// The request was deleted: a day after its end there is nothing left to deliver.
    Swept,
}

impl DeadLetters<'_> {
    /// Reads the letters and puts them back.
    pub async fn list(&self) -> Result<Found, NotDone> {
        let (letters, is_complete) = self.take_out().await?;
        let mut deliveries = Vec::new();
        for request in requests(&letters) {
            let report = self.table.report_delivery(&request).await?;
            deliveries.extend(report.filter(|report| is_open(report.delivery.state)));
        }
        self.put_back(&letters).await;
        deliveries.sort_by_key(|report| report.request.lifetime.expires_at);
        Ok(Found { deliveries, is_complete })
    }

    /// Lets the delivery of `only`, or all deliveries, be retried for ten minutes, regardless of the state of
    /// their requests.
    pub async fn replay(
        &self,
        only: Option<&RequestKey>,
        invocation: &Invocation,
    ) -> Result<Vec<(RequestKey, Replayed)>, NotDone> {
        let (letters, _) = self.take_out().await?;
        let mut replayed: Vec<(RequestKey, Replayed)> = Vec::new();
        let mut kept = Vec::new();
        for letter in letters {
            let Some(request) = letter.request.filter(|request| only.is_none_or(|only| only == request))
            else {
                kept.push(letter);
                continue;
            };
            if !replayed.iter().any(|(done, _)| *done == request) {
                replayed.push((request, self.replay_one(&request, invocation).await?));
            }
            self.dead_letters.delete(&letter.receipt).await?;
        }
        self.put_back(&kept).await;
        Ok(replayed)
    }

    /// Updates the table and then the queue; the caller then deletes the letter. After a crash the letter still
    /// exists, and a repetition does no harm.
    async fn replay_one(&self, request: &RequestKey, invocation: &Invocation) -> Result<Replayed, NotDone> {
        let Some(report) = self.table.report_delivery(request).await? else { return Ok(Replayed::Swept) };
        if !is_open(report.delivery.state) {
            return Ok(Replayed::Settled);
        }
        let (now, write) = (invocation.now, &invocation.write_id);
        self.table.replay_delivery(request, now, now.plus(TELL_OF_THE_END), write).await?;
        self.queue.send(request).await?;
        Ok(Replayed::Again)
    }

    async fn take_out(&self) -> Result<(Vec<Letter>, bool), NotDone> {
        let mut letters = Vec::new();
        while letters.len() < MOST {
            let taken = self.dead_letters.receive(LOOKED_AT).await?;
            if taken.is_empty() {
                return Ok((letters, true));
            }
            letters.extend(taken);
        }
        Ok((letters, false))
    }

    /// A letter that cannot be put back now reappears by itself.
    async fn put_back(&self, letters: &[Letter]) {
        for letter in letters {
            let _ = self.dead_letters.hide(&letter.receipt, Duration::ZERO).await;
        }
    }
}

/// Whether the delivery failed, or was left behind by an invocation that crashed.
fn is_open(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Failed | DeliveryState::Waiting)
}

fn requests(letters: &[Letter]) -> Vec<RequestKey> {
    let mut seen = BTreeSet::new();
    let requests = letters.iter().filter_map(|letter| letter.request);
    requests.filter(|request| seen.insert(request.encode())).collect()
}
