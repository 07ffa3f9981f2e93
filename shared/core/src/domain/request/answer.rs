//! What a person who answered a request is told about it later, once they have proven who they are.

use crate::domain::base::time::Timestamp;
use crate::domain::person::asks::Asks;
use crate::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, State};

/// What became of a person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The approval counts.
    Approved,
    /// It does not count any more: it was taken back, or its access was revoked.
    Ended,
    Declined {
        /// Whether the client has to wait because of it.
        makes_it_wait: bool,
    },
    /// Declined, and the client is blocked.
    Reported,
}

impl Answer {
    /// `None` without an answer, or if nothing is left of it.
    pub fn of(request: &AuthenticationRequest, asks: &Asks, now: Timestamp) -> Option<Self> {
        let client = &request.client;
        match &request.state {
            State::Redeemed(grant) if now >= grant.ends_at => None,
            State::Redeemed(grant) if grant.revoked_at.is_some() => Some(Self::Ended),
            State::Redeemed(grant) if asks.revokes(client, grant.approval.at) => Some(Self::Ended),
            State::Redeemed(_) => Some(Self::Approved),
            _ if request.is_expired(now) => None,
            State::Approved(approval) if asks.revokes(client, approval.at) => Some(Self::Ended),
            State::Approved(_) => Some(Self::Approved),
            State::Cancelled { by: CancelledBy::Person, .. } => Some(Self::Ended),
            State::Denied { .. } if asks.blocked_at(client).is_some() => Some(Self::Reported),
            State::Denied { at } => Some(Self::Declined { makes_it_wait: asks.wait_since(client, *at, now) }),
            State::Pending
            | State::Cancelled {
                by: CancelledBy::Superseded | CancelledBy::Operator | CancelledBy::Client,
                ..
            } => None,
        }
    }

    /// Whether taking it back would change anything.
    pub const fn can_be_taken_back(self) -> bool {
        match self {
            Self::Approved | Self::Declined { makes_it_wait: true } => true,
            Self::Ended | Self::Declined { makes_it_wait: false } | Self::Reported => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::base::authentication::Authentication;
    use crate::domain::base::person_key::PersonKey;
    use crate::domain::base::request_key::RequestKey;
    use crate::domain::base::scope::Scope;
    use crate::domain::client::{ClientId, DeliveryMode};
    use crate::domain::details::authorization_details::AuthorizationDetails;
    use crate::domain::request::authentication_request::Polling;
    use crate::domain::request::decision::Approval;
    use crate::domain::request::grant::Grant;
    use crate::domain::request::lifetime::Lifetime;
    use crate::domain::request::statement::Nonce;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn kiosk() -> ClientId {
        ClientId::parse("kiosk").unwrap()
    }

    fn in_state(state: State) -> AuthenticationRequest {
        AuthenticationRequest {
            key: RequestKey::from_bytes([1; 16]),
            client: kiosk(),
            person: PersonKey::from_stored("alice"),
            mode: DeliveryMode::Poll,
            scope: Scope::parse("openid").unwrap(),
            resources: vec![],
            acr_values: None,
            binding_message: None,
            lifetime: Lifetime { created_at: second(0), expires_at: second(120), decide_until: second(115) },
            polling: Polling { interval: Duration::from_secs(5), next_poll_at: second(5) },
            handle_generation: 1,
            nonce: Nonce::from_bytes([2; 16]),
            has_detail: false,
            state,
        }
    }

    fn approval() -> Approval {
        let authentication = Authentication { auth_time: second(0), acr: None, amr: vec![] };
        Approval { at: second(10), scope: Scope::parse("openid").unwrap(), authentication }
    }

    fn grant(revoked_at: Option<Timestamp>) -> State {
        State::Redeemed(Grant {
            approval: approval(),
            redeemed_at: second(15),
            ends_at: second(615),
            refresh: None,
            details: AuthorizationDetails::default(),
            properties: Default::default(),
            revoked_at,
        })
    }

    /// ATK-1-04, ATK-4-07
    #[test]
    fn a_person_is_told_what_became_of_their_answer() {
        let approved = || State::Approved(approval());
        let denied = || State::Denied { at: second(10) };
        let cancelled = |by| State::Cancelled { at: second(10), by };
        let nothing = Asks::default();
        let waiting = nothing.denied(&kiosk(), second(10));
        let waiting_later = nothing.denied(&kiosk(), second(11));
        let blocked = nothing.reported(&kiosk(), second(20));
        let lifted = blocked.unblocked(&kiosk(), second(25)).unwrap();
        let declined = |makes_it_wait| Some(Answer::Declined { makes_it_wait });
        for (state, asks, now, expected) in [
            (State::Pending, &nothing, 30, None),
            (approved(), &nothing, 30, Some(Answer::Approved)),
            (approved(), &nothing, 120, None),
            (approved(), &blocked, 30, Some(Answer::Ended)),
            (approved(), &lifted, 30, Some(Answer::Ended)),
            (grant(None), &nothing, 130, Some(Answer::Approved)),
            (grant(None), &nothing, 615, None),
            (grant(None), &blocked, 130, Some(Answer::Ended)),
            (grant(Some(second(20))), &nothing, 130, Some(Answer::Ended)),
            (denied(), &waiting, 30, declined(true)),
            (denied(), &waiting_later, 30, declined(false)),
            (denied(), &nothing, 30, declined(false)),
            (denied(), &blocked, 30, Some(Answer::Reported)),
            (denied(), &lifted, 30, declined(false)),
            (denied(), &waiting, 120, None),
            (cancelled(CancelledBy::Person), &nothing, 30, Some(Answer::Ended)),
            (cancelled(CancelledBy::Person), &nothing, 120, None),
            (cancelled(CancelledBy::Client), &nothing, 30, None),
            (cancelled(CancelledBy::Operator), &nothing, 30, None),
            (cancelled(CancelledBy::Superseded), &nothing, 30, None),
        ] {
            let told = Answer::of(&in_state(state.clone()), asks, second(now));
            assert_eq!(told, expected, "{state:?} {now}");
        }
    }
}
