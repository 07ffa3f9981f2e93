//! Notifying a ping or push client of the decision: what is sent, how long delivery is attempted, and what the
//! response means (CIBA §10.2, §10.3, §12).
//!
//! Pure, like the state machine: these functions determine the next step. The store makes each attempt a
//! conditional write on the data that it was computed from.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::DeliveryMode;
use crate::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, State};

/// How long an attempt is exclusive. It is longer than an invocation may run, so no two attempts overlap. After a
/// crash, the next attempt can begin when this time has passed.
pub const LEASE: Duration = Duration::from_secs(20);
/// The first pause; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, whether chosen by this provider or by the client (`Retry-After`).
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long after the expiration of a request the push client is still notified of it, and how long a replay is
/// attempted.
pub const TELL_OF_THE_END: Duration = Duration::from_secs(600);

/// The record of a delivery, stored next to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub state: DeliveryState,
    /// How many attempts have begun.
    pub attempts: u32,
    /// When the next attempt is due. While an attempt is in progress, this is the end of its lease.
    pub next_attempt_at: Timestamp,
    /// The end of a replay that an operator requested.
    pub replay_until: Option<Timestamp>,
    /// The client's notification token, sealed. It is deleted once no notification is needed any more.
    pub notification_token: Option<Vec<u8>>,
    /// The payload for a push client, sealed. It is created once and is the same for each attempt, so that a
    /// retry does not issue more tokens.
    pub payload: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Delivered,
    /// Given up, and in the dead-letter queue.
    Failed,
    /// A notification is no longer needed: the client already has the result, or cancelled the request itself.
    Unneeded,
}

impl DeliveryState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Failed, Self::Unneeded];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unneeded => "unneeded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The next step of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Tell(News),
    /// Not yet: check again at this time.
    Wait(Timestamp),
    /// It will never be delivered.
    Drop,
    /// It has already been delivered, given up or dropped.
    Over,
}

/// The content of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The result is ready; the only member is `auth_req_id` (CIBA §10.2).
    Ping,
    /// The tokens for the approval (CIBA §10.3).
    Tokens,
    /// The error (CIBA §12).
    Error(PushError),
}

/// The errors of CIBA §12, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    AccessDenied,
    ExpiredToken,
    /// Anything else: the request was cancelled, or the tokens could not be delivered in time.
    TransactionFailed,
}

/// The next step at `now`.
pub fn due(request: &AuthenticationRequest, delivery: &Delivery, now: Timestamp) -> Due {
    match delivery.state {
        DeliveryState::Delivered | DeliveryState::Failed | DeliveryState::Unneeded => return Due::Over,
        DeliveryState::Waiting => {}
    }
    let news = match (request.mode, &request.state) {
        (DeliveryMode::Poll, _) => return Due::Drop,
        (_, State::Cancelled { by: CancelledBy::Client, .. }) => return Due::Drop,
        // There is no result yet; a push client is notified of the expiration if the person does not decide.
        (DeliveryMode::Ping, State::Pending) => return Due::Drop,
        (DeliveryMode::Push, State::Pending) if !request.is_expired(now) => {
            return Due::Wait(request.lifetime.expires_at);
        }
        (DeliveryMode::Push, State::Pending) => News::Error(PushError::ExpiredToken),
        // The client already has the tokens, and a ping would make it poll again.
        (DeliveryMode::Ping, State::Redeemed(_)) => return Due::Drop,
        (DeliveryMode::Ping, State::Approved(_) | State::Denied { .. } | State::Cancelled { .. }) => {
            News::Ping
        }
        (DeliveryMode::Push, State::Approved(_)) if request.is_expired(now) => {
            News::Error(PushError::ExpiredToken)
        }
        (DeliveryMode::Push, State::Approved(_)) => News::Tokens,
        (DeliveryMode::Push, State::Denied { .. }) => News::Error(PushError::AccessDenied),
        (DeliveryMode::Push, State::Cancelled { by: CancelledBy::Person, .. }) => {
            News::Error(PushError::AccessDenied)
        }
        (DeliveryMode::Push, State::Cancelled { .. }) => News::Error(PushError::TransactionFailed),
        // The tokens were issued, but not delivered yet. If they have been revoked since, they are no longer
        // delivered.
        (DeliveryMode::Push, State::Redeemed(grant)) => {
            if grant.revoked_at.is_none() && delivery.payload.is_some() {
                News::Tokens
            } else {
                News::Error(PushError::TransactionFailed)
            }
        }
    };
    if now < delivery.next_attempt_at { Due::Wait(delivery.next_attempt_at) } else { Due::Tell(news) }
}

/// The time until which delivery of `news` is attempted. A ping or tokens are useless after the request has
/// expired, because the request can no longer be redeemed; an error is delivered for [`TELL_OF_THE_END`] longer.
/// A replay may extend either.
pub fn tried_until(request: &AuthenticationRequest, delivery: &Delivery, news: News) -> Timestamp {
    let ends_at = request.lifetime.expires_at;
    let own = match news {
        News::Ping | News::Tokens => ends_at,
        News::Error(_) => ends_at.plus(TELL_OF_THE_END),
    };
    delivery.replay_until.map_or(own, |until| until.max(own))
}

/// The result of a request to the client notification endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status {
        status: u16,
        /// `Retry-After`, as a number of seconds.
        retry_after: Option<Duration>,
    },
    /// No connection, no response in time, or an untrusted certificate.
    None,
    /// The endpoint's name resolves to an address that is not public, so the provider would call an internal
    /// network.
    NotPublic,
}

/// The meaning of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Retry: the failure may be temporary.
    Again,
    /// Do not retry: the client refused the notification (CIBA §10.2).
    Final,
}

impl Answer {
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Status { status: 200..=299, .. } => Verdict::Delivered,
            Self::Status { status: 408 | 429 | 500..=599, .. } | Self::None => Verdict::Again,
            Self::Status { .. } | Self::NotPublic => Verdict::Final,
        }
    }

    /// The code of the result, for the delivery's record and for the log.
    pub fn code(self) -> String {
        match self {
            Self::Status { status, .. } => format!("http_{status}"),
            Self::None => "no_answer".to_owned(),
            Self::NotPublic => "not_public".to_owned(),
        }
    }

    /// Whether the client did not respond in time, so that it must not delay notifications to other clients.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::None)
    }
}

/// How long to wait after attempt number `attempts` (from 1). `jitter` returns a random part of half the pause,
/// so that deliveries that failed at the same time are not retried at the same time.
pub fn pause(attempts: u32, answer: Answer, jitter: impl FnOnce(Duration) -> Duration) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(6)).min(LONGEST_PAUSE);
    let pause = pause / 2 + jitter(pause / 2);
    match answer {
        Answer::Status { retry_after: Some(asked), .. } => pause.max(asked.min(LONGEST_PAUSE)),
        Answer::Status { .. } | Answer::None | Answer::NotPublic => pause,
    }
}

#[cfg(test)]
mod tests;
