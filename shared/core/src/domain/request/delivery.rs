//! Telling a ping or push client what was decided: what it is told, how long that is tried, and what its answer means
//! (CIBA §10.2, §10.3, §12).
//!
//! Pure, like the state machine beside it: these functions say what is due; the store makes each attempt a conditional
//! write on what it was computed from.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::DeliveryMode;
use crate::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, State};

/// For how long an attempt is nobody else's: longer than the invocation that makes it may run. After a crash the next
/// one begins then.
pub const LEASE: Duration = Duration::from_secs(20);
/// The first pause; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that is of our own choosing, or of the client's (`Retry-After`).
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long after the end of a request a push client is still told of that end, and how long a replay is tried.
pub const TELL_OF_THE_END: Duration = Duration::from_secs(600);

/// What is kept of a delivery, beside its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub state: DeliveryState,
    /// How many have begun.
    pub attempts: u32,
    /// When the next one is due. While one is under way this lies behind its end.
    pub next_attempt_at: Timestamp,
    /// An operator had it tried again, until then.
    pub replay_until: Option<Timestamp>,
    /// The client's token, sealed; gone when it has been told.
    pub notification_token: Option<Vec<u8>>,
    /// What a push client gets, sealed: made once, and the same at each attempt (`CIBA-10.3-08`).
    pub payload: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Delivered,
    /// Given up, and in the dead-letter queue.
    Failed,
    /// There is nothing to tell any more: the client has collected, or cancelled it itself.
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

/// What is to be done about a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Tell(News),
    /// Not yet: look again then.
    Wait(Timestamp),
    /// It will never be told.
    Drop,
    /// It was told, given up, or dropped before.
    Over,
}

/// What the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// That something was decided, and nothing else (`CIBA-10.2-03`).
    Ping,
    /// The tokens of what was approved (`CIBA-10.3-02`).
    Tokens,
    /// That there are none (`CIBA-12-02`).
    Error(PushError),
}

/// CIBA §12, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    AccessDenied,
    ExpiredToken,
    /// Neither of the two: cancelled, or tokens that could not be delivered in time.
    TransactionFailed,
}

/// What is due at `now`.
pub fn due(request: &AuthenticationRequest, delivery: &Delivery, now: Timestamp) -> Due {
    match delivery.state {
        DeliveryState::Delivered | DeliveryState::Failed | DeliveryState::Unneeded => return Due::Over,
        DeliveryState::Waiting => {}
    }
    let news = match (request.mode, &request.state) {
        (DeliveryMode::Poll, _) => return Due::Drop,
        (_, State::Cancelled { by: CancelledBy::Client, .. }) => return Due::Drop,
        // Nothing is to be told yet; a push client is told of the end, if nobody decides.
        (DeliveryMode::Ping, State::Pending) => return Due::Drop,
        (DeliveryMode::Push, State::Pending) if !request.is_expired(now) => {
            return Due::Wait(request.lifetime.expires_at);
        }
        (DeliveryMode::Push, State::Pending) => News::Error(PushError::ExpiredToken),
        // It has collected: a ping would tell it to come again.
        (DeliveryMode::Ping, State::Redeemed(_)) => return Due::Drop,
        (DeliveryMode::Ping, State::Approved(_) | State::Denied { .. } | State::Cancelled { .. }) => {
            News::Ping
        }
        (DeliveryMode::Push, State::Approved(_)) if request.is_expired(now) => {
            News::Error(PushError::ExpiredToken)
        }
        (DeliveryMode::Push, State::Approved(_)) => News::Tokens,
        (DeliveryMode::Push, State::Denied { .. }) => News::Error(PushError::AccessDenied),
        (DeliveryMode::Push, State::Cancelled { .. }) => News::Error(PushError::TransactionFailed),
        // Made, and not yet delivered. What was revoked meanwhile is not handed over any more.
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

/// Until when `news` is tried. After that nobody is helped by it: what was approved cannot be collected any more.
pub fn tried_until(request: &AuthenticationRequest, delivery: &Delivery, news: News) -> Timestamp {
    let ends_at = request.lifetime.expires_at;
    let own = match news {
        News::Ping | News::Tokens => ends_at,
        News::Error(_) => ends_at.plus(TELL_OF_THE_END),
    };
    delivery.replay_until.map_or(own, |until| until.max(own))
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status {
        status: u16,
        /// `Retry-After`, as a number of seconds.
        retry_after: Option<Duration>,
    },
    /// No connection, no answer in time, a certificate that nobody vouches for.
    None,
    /// The endpoint's name leads to an address that is not public (`HYG-4-02`).
    NotPublic,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Try again: it may pass.
    Again,
    /// Do not call again (`CIBA-10.2-08`).
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

    /// For the record and the log.
    pub fn code(self) -> String {
        match self {
            Self::Status { status, .. } => format!("http_{status}"),
            Self::None => "no_answer".to_owned(),
            Self::NotPublic => "not_public".to_owned(),
        }
    }

    /// Whether the client takes long to answer nothing: others must not wait behind it.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::None)
    }
}

/// How long to wait after the attempt number `attempts` (from 1). `jitter` is a random part of 0 to 1 of half the pause, so
/// that those who failed together do not come back together.
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
