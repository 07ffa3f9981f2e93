use super::*;
use crate::domain::base::authentication::Authentication;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::scope::Scope;
use crate::domain::client::DeliveryMode;
use crate::domain::request::authentication_request::{Polling, State};
use crate::domain::request::decision::Approval;
use crate::domain::request::grant::RefreshLifetime;
use crate::domain::request::lifetime::Lifetime;

const REDEEMED: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: u64 = 24 * 60 * 60;
const SETTINGS: RefreshLifetime = RefreshLifetime {
    idle: Duration::from_secs(14 * DAY),
    lifetime: Duration::from_secs(90 * DAY),
    grace: Duration::from_secs(20),
};

fn after(seconds: u64) -> Timestamp {
    REDEEMED.plus(Duration::from_secs(seconds))
}

fn kiosk() -> ClientId {
    ClientId::parse("kiosk").unwrap()
}

fn granted(refresh: Option<Refreshing>, revoked_at: Option<Timestamp>) -> AuthenticationRequest {
    let scope = Scope::parse("openid offline_access").unwrap();
    let approval = Approval {
        at: REDEEMED,
        scope: scope.clone(),
        authentication: Authentication { auth_time: REDEEMED, acr: None, amr: vec![] },
    };
    AuthenticationRequest {
        key: RequestKey::from_bytes([1; 16]),
        client: kiosk(),
        person: PersonKey::new("https://login.example", "alice"),
        mode: DeliveryMode::Poll,
        scope,
        resources: vec![],
        acr_values: None,
        binding_message: None,
        lifetime: Lifetime { created_at: REDEEMED, expires_at: after(60), decide_until: after(50) },
        polling: Polling { interval: Duration::from_secs(5), next_poll_at: REDEEMED },
        handle_generation: 1,
        nonce: crate::domain::request::statement::Nonce::from_bytes([9; 16]),
        has_detail: false,
        state: State::Redeemed(Grant {
            approval,
            redeemed_at: REDEEMED,
            ends_at: after(91 * DAY),
            refresh,
            details: Default::default(),
            properties: Default::default(),
            revoked_at,
        }),
    }
}

/// The state after refresh tokens were used at these times.
fn used_at(times: &[u64]) -> Refreshing {
    let first = Refreshing::first(REDEEMED, &SETTINGS);
    times.iter().fold(first, |refreshing, &time| refreshing.used(after(time), true, &SETTINGS))
}

fn finding(refreshing: Refreshing, counter: u32, now: Timestamp) -> &'static str {
    let request = granted(Some(refreshing), None);
    match refresh(Some(&request), &kiosk(), counter, now, SETTINGS.grace) {
        RefreshFinding::NotYours => "not yours",
        RefreshFinding::Revoked => "revoked",
        RefreshFinding::Expired => "expired",
        RefreshFinding::Reused => "reused",
        RefreshFinding::JustReplaced(..) => "just replaced",
        RefreshFinding::Current(..) => "current",
    }
}

/// TOK-3-02
#[test]
fn a_missing_foreign_or_non_refreshable_grant_is_not_yours() {
    let request = granted(Some(used_at(&[])), None);
    let other = ClientId::parse("other").unwrap();
    let not_yours = |request: Option<&AuthenticationRequest>, client: &ClientId| {
        refresh(request, client, 0, after(1), SETTINGS.grace) == RefreshFinding::NotYours
    };
    assert!(not_yours(None, &kiosk()));
    assert!(not_yours(Some(&request), &other));
    assert!(not_yours(Some(&granted(None, None)), &kiosk()));
    let undecided = AuthenticationRequest { state: State::Pending, ..request.clone() };
    assert!(not_yours(Some(&undecided), &kiosk()));
    assert!(!not_yours(Some(&request), &kiosk()));
}

/// TOK-3-06, TOK-3-07, TOK-3-08: then it is taken for a copy.
#[test]
fn a_replaced_token_is_answered_for_the_grace_period() {
    let refreshing = used_at(&[100]);
    assert_eq!(finding(refreshing, 1, after(101)), "current");
    assert_eq!(finding(refreshing, 0, after(119)), "just replaced");
    assert_eq!(finding(refreshing, 0, after(120)), "reused");
    let twice = used_at(&[100, 105]);
    assert_eq!(finding(twice, 1, after(106)), "just replaced");
    assert_eq!(finding(twice, 0, after(106)), "reused", "its successor was used: no response was lost");
    assert_eq!(finding(twice, 3, after(106)), "reused", "a number that was never issued");
}

/// TOK-3-10
#[test]
fn a_token_ends_when_it_lies_unused_and_at_the_end_of_the_grant() {
    let idle = 14 * DAY;
    assert_eq!(finding(used_at(&[]), 0, after(idle - 1)), "current");
    assert_eq!(finding(used_at(&[]), 0, after(idle)), "expired");
    assert_eq!(finding(used_at(&[idle - 1]), 1, after(2 * idle - 2)), "current", "a use restarts the time");
    let until_the_end: Vec<u64> = (1..=8).map(|n| n * 11 * DAY).collect();
    let last = used_at(&until_the_end);
    assert_eq!(finding(last, 8, after(90 * DAY - 1)), "current");
    assert_eq!(finding(last, 8, after(90 * DAY)), "expired", "no use extends the lifetime of the grant");
}

/// TOK-3-07
#[test]
fn nothing_is_good_after_a_revocation() {
    let request = granted(Some(used_at(&[])), Some(after(10)));
    assert_eq!(refresh(Some(&request), &kiosk(), 0, after(11), SETTINGS.grace), RefreshFinding::Revoked);
    assert!(!request.grant().unwrap().is_live(after(11)));
    assert!(granted(None, None).grant().unwrap().is_live(after(11)));
    assert!(!granted(None, None).grant().unwrap().is_live(after(91 * DAY)));
}

/// FCIBA-24
#[test]
fn without_rotation_the_token_stays_and_its_use_counts() {
    let used = Refreshing::first(REDEEMED, &SETTINGS).used(after(13 * DAY), false, &SETTINGS);
    assert_eq!(finding(used, 0, after(20 * DAY)), "current");
}
