//! Deliveries that were given up: listed, and tried again when the client is well again.
//!
//! A dead letter names a request. What became of it since is in the table, so a letter can be one too many and never the
//! only truth.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Invocation;
use ciba_aws::notify::{DeliveryQueue, Letter, QueueError};
use ciba_aws::store::{DeliveryReport, StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::request::delivery::{DeliveryState, TELL_OF_THE_END};

/// How long letters are out of the queue while they are looked at. After a crash they come back then.
const LOOKED_AT: Duration = Duration::from_secs(60);
/// More are not looked at in one go.
const MOST: usize = 200;

/// What this flow works with.
pub struct DeadLetters<'a> {
    pub table: &'a Table,
    pub queue: &'a DeliveryQueue,
    pub dead_letters: &'a DeliveryQueue,
}

/// Table or queue did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What was found in the queue of dead letters.
pub struct Found {
    /// Each request once, in the order of their ends.
    pub deliveries: Vec<DeliveryReport>,
    /// `false`: there may be more.
    pub is_complete: bool,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is in the queue of deliveries, and its client is called within seconds.
    Again,
    /// The client was told since, or needs no telling.
    Settled,
    /// The request was swept: a day after its end nothing is left to tell.
    Swept,
}

impl DeadLetters<'_> {
    /// Looks at the letters and puts them back.
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

    /// Has deliveries tried again for ten minutes, whatever became of their requests: the one of `only`, or all.
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

    /// Table, queue, letter, in this order: after a crash the letter is still there, and the same again does no harm.
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

    /// What cannot be put back now comes back by itself.
    async fn put_back(&self, letters: &[Letter]) {
        for letter in letters {
            let _ = self.dead_letters.hide(&letter.receipt, Duration::ZERO).await;
        }
    }
}

/// Failed, or waiting for somebody who broke while telling.
fn is_open(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Failed | DeliveryState::Waiting)
}

fn requests(letters: &[Letter]) -> Vec<RequestKey> {
    let mut seen = BTreeSet::new();
    let requests = letters.iter().filter_map(|letter| letter.request);
    requests.filter(|request| seen.insert(request.encode())).collect()
}
