//! Polls a request: usually with one write, and never more than two (CIBA §10.1, §11).

use crate::Invocation;
use ciba_aws::store::{Polled, SlowedDown, StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::{Timestamp, seconds_rounded_up};
use ciba_core::domain::client::ClientId;
use ciba_core::domain::request::authentication_request::{
    AuthenticationRequest, PollFinding, Polling, poll as judge,
};

/// The outcome of a poll.
#[derive(Debug)]
pub enum PollOutcome {
    /// Unit: seconds until the next poll is due.
    Pending {
        retry_after: u64,
    },
    SlowDown {
        retry_after: u64,
    },
    Expired,
    Refused,
    /// Unknown, another client's, or already redeemed.
    Invalid,
    Approved(Box<AuthenticationRequest>),
}

/// 1. Set the time of the next poll, if the request is this client's, pending, unexpired and due.
/// 2. If it is not, let the state machine determine why.
/// 3. If the poll came too soon, lengthen the interval once; if the request changed in the meantime, evaluate it
///    again.
pub async fn poll(
    table: &Table,
    request: &RequestKey,
    client: &ClientId,
    invocation: &Invocation,
) -> Result<PollOutcome, StoreError> {
    let (now, write) = (invocation.now, &invocation.write_id);
    let mut seen = match table.poll_request(request, client, now, write).await? {
        Polled::Pending { next_poll_at } => {
            return Ok(PollOutcome::Pending { retry_after: retry_after(next_poll_at, now) });
        }
        Polled::Otherwise(item) => item,
    };
    if let (PollFinding::TooSoon, Some(early)) = (judge(seen.as_deref(), client, now), &seen) {
        let next = early.polling.slowed_down();
        if next == early.polling {
            return Ok(slow_down(early.polling, now));
        }
        match table.slow_down_request(request, early.polling, next, write).await? {
            SlowedDown::Done => return Ok(slow_down(next, now)),
            // Another early poll lengthened the interval, or the person decided.
            SlowedDown::Changed(item) => seen = item,
        }
    }
    Ok(match judge(seen.as_deref(), client, now) {
        PollFinding::NotYours | PollFinding::AlreadyRedeemed => PollOutcome::Invalid,
        PollFinding::Expired => PollOutcome::Expired,
        PollFinding::Refused => PollOutcome::Refused,
        PollFinding::Approved(_) => match seen {
            Some(request) => PollOutcome::Approved(request),
            None => PollOutcome::Invalid,
        },
        PollFinding::TooSoon | PollFinding::Pending => match seen {
            Some(request) => slow_down(request.polling, now),
            None => PollOutcome::Invalid,
        },
    })
}

fn slow_down(polling: Polling, now: Timestamp) -> PollOutcome {
    PollOutcome::SlowDown { retry_after: retry_after(polling.next_poll_at, now) }
}

/// `Retry-After`: at least 1, so that no client retries immediately. Unit: seconds.
fn retry_after(next_poll_at: Timestamp, now: Timestamp) -> u64 {
    seconds_rounded_up(next_poll_at.since(now)).max(1)
}
