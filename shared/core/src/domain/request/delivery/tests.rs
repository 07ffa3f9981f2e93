use super::*;
use crate::domain::base::authentication::Authentication;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::scope::Scope;
use crate::domain::client::ClientId;
use crate::domain::request::authentication_request::Polling;
use crate::domain::request::decision::Approval;
use crate::domain::request::grant::Grant;
use crate::domain::request::lifetime::Lifetime;
use crate::domain::request::statement::Nonce;

const CREATED: Timestamp = Timestamp::from_seconds(1_800_000_000);
const MODES: [DeliveryMode; 2] = [DeliveryMode::Ping, DeliveryMode::Push];

fn after(seconds: u64) -> Timestamp {
    CREATED.plus(Duration::from_secs(seconds))
}

fn request(mode: DeliveryMode, state: State) -> AuthenticationRequest {
    AuthenticationRequest {
        key: RequestKey::from_bytes([1; 16]),
        client: ClientId::parse("kiosk").unwrap(),
        person: PersonKey::new("https://login.example", "alice"),
        mode,
        scope: Scope::parse("openid").unwrap(),
        resources: vec![],
        acr_values: None,
        binding_message: None,
        lifetime: Lifetime { created_at: CREATED, expires_at: after(120), decide_until: after(110) },
        polling: Polling { interval: Duration::from_secs(5), next_poll_at: after(5) },
        handle_generation: 1,
        nonce: Nonce::from_bytes([9; 16]),
        has_detail: false,
        state,
    }
}

fn approval() -> Approval {
    let authentication = Authentication { auth_time: after(20), acr: None, amr: vec![] };
    Approval { at: after(20), scope: Scope::parse("openid").unwrap(), authentication }
}

fn redeemed(revoked_at: Option<Timestamp>) -> State {
    State::Redeemed(Grant {
        approval: approval(),
        redeemed_at: after(21),
        ends_at: after(600),
        refresh: None,
        details: Default::default(),
        properties: Default::default(),
        revoked_at,
    })
}

fn cancelled(by: CancelledBy) -> State {
    State::Cancelled { at: after(20), by }
}

fn waiting() -> Delivery {
    Delivery {
        state: DeliveryState::Waiting,
        attempts: 0,
        next_attempt_at: CREATED,
        replay_until: None,
        notification_token: Some(vec![1]),
        payload: None,
    }
}

fn minted() -> Delivery {
    Delivery { payload: Some(vec![2]), attempts: 1, ..waiting() }
}

fn news(mode: DeliveryMode, state: State, delivery: &Delivery, now: Timestamp) -> Due {
    due(&request(mode, state), delivery, now)
}

fn error(error: PushError) -> Due {
    Due::Tell(News::Error(error))
}

/// CIBA-10.2-01, CIBA-12-01: the rows of the specification's states, for both modes.
#[test]
fn a_decision_is_told_as_its_mode_tells_it() {
    let now = after(30);
    for (state, ping, push) in [
        (State::Approved(approval()), Due::Tell(News::Ping), Due::Tell(News::Tokens)),
        (State::Denied { at: after(20) }, Due::Tell(News::Ping), error(PushError::AccessDenied)),
        (cancelled(CancelledBy::Operator), Due::Tell(News::Ping), error(PushError::TransactionFailed)),
        (cancelled(CancelledBy::Superseded), Due::Tell(News::Ping), error(PushError::TransactionFailed)),
        (cancelled(CancelledBy::Client), Due::Drop, Due::Drop),
        (cancelled(CancelledBy::Person), Due::Tell(News::Ping), error(PushError::AccessDenied)),
        (State::Pending, Due::Drop, Due::Wait(after(120))),
    ] {
        assert_eq!(news(DeliveryMode::Ping, state.clone(), &waiting(), now), ping, "{state:?}");
        assert_eq!(news(DeliveryMode::Push, state.clone(), &waiting(), now), push, "{state:?}");
        assert_eq!(news(DeliveryMode::Poll, state.clone(), &waiting(), now), Due::Drop, "{state:?}");
    }
}

/// CIBA-5-02: whoever has collected is not told to come again.
#[test]
fn a_ping_client_that_polled_meanwhile_is_not_called() {
    assert_eq!(news(DeliveryMode::Ping, redeemed(None), &waiting(), after(30)), Due::Drop);
}

/// CIBA-10.3-08, CIBA-10.3-09
#[test]
fn minted_tokens_are_pushed_again_unless_revoked() {
    let now = after(30);
    assert_eq!(news(DeliveryMode::Push, redeemed(None), &minted(), now), Due::Tell(News::Tokens));
    for (state, delivery) in [(redeemed(Some(after(25))), minted()), (redeemed(None), waiting())] {
        assert_eq!(news(DeliveryMode::Push, state, &delivery, now), error(PushError::TransactionFailed));
    }
}

/// CIBA-12-03: by the clock, not by what DynamoDB has swept.
#[test]
fn a_push_client_is_told_of_the_end_and_not_before_it() {
    let end = after(120);
    let before = end.minus(Duration::from_millis(1));
    assert_eq!(news(DeliveryMode::Push, State::Pending, &waiting(), before), Due::Wait(end));
    for state in [State::Pending, State::Approved(approval())] {
        assert_eq!(news(DeliveryMode::Push, state, &waiting(), end), error(PushError::ExpiredToken));
    }
    assert_eq!(news(DeliveryMode::Ping, State::Approved(approval()), &waiting(), end), Due::Tell(News::Ping));
}

/// CIBA-10.2-11: an attempt under way is waited for.
#[test]
fn a_settled_delivery_stays_settled() {
    for mode in MODES {
        for state in [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Unneeded] {
            let delivery = Delivery { state, ..waiting() };
            assert_eq!(news(mode, State::Approved(approval()), &delivery, after(30)), Due::Over);
        }
        let leased = Delivery { next_attempt_at: after(40), attempts: 1, ..waiting() };
        let at = |now| news(mode, State::Denied { at: after(20) }, &leased, now);
        assert_eq!(at(after(39)), Due::Wait(after(40)));
        assert!(matches!(at(after(40)), Due::Tell(_)));
    }
}

/// Errors are attempted for longer, and a replay for as long as the operator allowed.
#[test]
fn a_delivery_is_tried_until_its_request_ends() {
    let request = request(DeliveryMode::Push, State::Approved(approval()));
    let until = |delivery: &Delivery, news| tried_until(&request, delivery, news);
    assert_eq!(until(&waiting(), News::Ping), after(120));
    assert_eq!(until(&waiting(), News::Tokens), after(120));
    assert_eq!(until(&waiting(), News::Error(PushError::ExpiredToken)), after(720));
    let replayed = Delivery { replay_until: Some(after(9000)), ..waiting() };
    assert_eq!(until(&replayed, News::Ping), after(9000));
    let early = Delivery { replay_until: Some(after(60)), ..waiting() };
    assert_eq!(until(&early, News::Ping), after(120));
}

/// CIBA-10.2-05, CIBA-10.2-06, CIBA-10.2-08, CIBA-10.2-09, CIBA-10.3-07
#[test]
fn an_answer_is_a_success_passing_or_final() {
    let verdict = |status| Answer::Status { status, retry_after: None }.verdict();
    for status in [200, 202, 204] {
        assert_eq!(verdict(status), Verdict::Delivered, "{status}");
    }
    for status in [408, 429, 500, 502, 503, 504, 599] {
        assert_eq!(verdict(status), Verdict::Again, "{status}");
    }
    for status in [301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422] {
        assert_eq!(verdict(status), Verdict::Final, "{status}");
    }
    assert_eq!((Answer::None.verdict(), Answer::NotPublic.verdict()), (Verdict::Again, Verdict::Final));
}

/// CIBA-10.2-09
#[test]
fn pauses_double_up_to_a_minute_and_are_at_least_half_random() {
    let shortest = |attempts| pause(attempts, Answer::None, |_| Duration::ZERO).as_millis();
    let longest = |attempts| pause(attempts, Answer::None, |most| most).as_millis();
    assert_eq!(
        [1, 2, 3, 4, 5, 6, 7, 8].map(longest),
        [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    );
    assert_eq!([1, 2, 7, u32::MAX].map(shortest), [500, 1000, 30_000, 30_000]);
}

#[test]
fn a_client_that_asks_to_wait_is_waited_for_up_to_a_minute() {
    let asked = |seconds| {
        let answer = Answer::Status { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
        pause(1, answer, |most| most).as_secs()
    };
    assert_eq!((asked(7), asked(0), asked(3600)), (7, 1, 60));
}
