//! The table of answers (CIBA §11), in its order.

use ciba_tests::{Provider, at};
use serde_json::json;

use super::{record, refused_poll};

const PENDING: (u16, &str) = (400, "authorization_pending");
const TOO_SOON: (u16, &str) = (400, "slow_down");
const EXPIRED: (u16, &str) = (400, "expired_token");
const DENIED: (u16, &str) = (400, "access_denied");
const INVALID: (u16, &str) = (400, "invalid_grant");

/// CIBA-11-02, CIBA-11-01
#[tokio::test]
async fn polling_what_nobody_has_decided_is_authorization_pending() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    for seconds in [5.0, 10.0, 15.0, 100.0] {
        let answer = provider.poll(&id, at(seconds)).await;
        assert_eq!((answer.refusal(), answer.retry_after()), (PENDING, 5), "{seconds}");
    }
}

/// CIBA-10.1-09: `Retry-After` is rounded up, so who waits that long is in time.
#[tokio::test]
async fn whoever_waits_for_retry_after_is_never_too_soon() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let early = provider.poll(&id, at(0.3)).await;
    assert_eq!((early.refusal(), early.retry_after()), (TOO_SOON, 10), "9.7 s are left");
    let mut now = 0.3 + 10.0;
    for _ in 0..5 {
        let answer = provider.poll(&id, at(now)).await;
        assert_eq!(answer.refusal(), PENDING, "{now}");
        now += answer.retry_after() as f64;
    }
}

/// CIBA-11-03
#[tokio::test]
async fn polling_before_the_interval_is_slow_down() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let answer = provider.poll(&id, at(1.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), (TOO_SOON, 9), "5 s at first, and 5 s more");
}

/// CIBA-10.1-11
#[tokio::test]
async fn half_a_second_too_soon_is_in_time_and_a_little_more_is_not() {
    for (seconds, expected) in [(4.5, PENDING), (4.499, TOO_SOON)] {
        let provider = Provider::start().await;
        let (id, _) = provider.asked(&[], at(0.0)).await;
        assert_eq!(provider.poll(&id, at(seconds)).await.refusal(), expected, "{seconds}");
    }
}

/// CIBA-10.1-12
#[tokio::test]
async fn slow_down_lengthens_the_interval_for_good() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&id, at(1.0)).await.refusal(), TOO_SOON);
    assert_eq!(record(&provider, &request).await["interval"], "10000");
    for seconds in [10.0, 20.0, 30.0] {
        let answer = provider.poll(&id, at(seconds)).await;
        assert_eq!((answer.refusal(), answer.retry_after()), (PENDING, 10), "{seconds}");
    }
    let answer = provider.poll(&id, at(35.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), (TOO_SOON, 10), "it was 10 s, and is 15 s now");
    assert_eq!(provider.poll(&id, at(45.0)).await.retry_after(), 15);
}

/// Design, step 6: each step counts from when the poll was due, so being early does not go on for ever.
#[tokio::test]
async fn a_client_always_a_second_early_succeeds_every_other_time() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[("requested_expiry", "600")], at(0.0)).await;
    let (mut now, mut interval, mut codes) = (0.0, 5.0, Vec::new());
    for _ in 0..8 {
        now += interval - 1.0;
        let answer = provider.poll(&id, at(now)).await;
        codes.push(answer.refusal().1.to_owned());
        if answer.refusal() == TOO_SOON {
            interval += 5.0;
        }
    }
    assert_eq!(codes, ["slow_down", "authorization_pending"].repeat(4));
}

/// CIBA-10.1-12, CIBA-11-03, ATK-4-02: Duende's client never grows its interval. It still gets what was decided.
#[tokio::test]
async fn a_client_that_never_slows_down_is_not_cut_off() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    for n in 1..=10 {
        assert_eq!(provider.poll(&id, at(f64::from(n) * 4.0)).await.refusal(), TOO_SOON, "{n}");
    }
    provider.approve(&request, at(41.0)).await;
    assert_eq!(provider.poll(&id, at(44.0)).await.status, 200);
}

/// Design, step 6: the interval ends at 60 s, so a client that misbehaved once can still be served.
#[tokio::test]
async fn the_interval_grows_to_a_minute_and_no_further() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[("requested_expiry", "600")], at(0.0)).await;
    let mut waits = Vec::new();
    for _ in 0..14 {
        let answer = provider.poll(&id, at(1.0)).await;
        assert_eq!(answer.refusal(), TOO_SOON);
        waits.push(answer.retry_after());
    }
    assert_eq!(waits, [9, 14, 19, 24, 29, 34, 39, 44, 49, 54, 59, 59, 59, 59]);
    assert_eq!(record(&provider, &request).await["interval"], "60000");
    let answer = provider.poll(&id, at(60.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), (PENDING, 60));
}

/// CIBA-10.1-10
#[tokio::test]
async fn what_was_decided_comes_before_too_soon() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&id, at(1.0)).await.refusal(), TOO_SOON);
    provider.approve(&request, at(2.0)).await;
    assert_eq!(provider.poll(&id, at(2.1)).await.status, 200);

    let (id, request) = provider.asked(&[], at(3.0)).await;
    let denied = provider.decide("alice", &request, json!({"decision": "deny"}), at(3.5)).await;
    assert_eq!(denied.status, 200);
    refused_poll(&provider, &id, at(3.6), DENIED).await;
}

/// CIBA-11-06, CIBA-10.1.1-03: 400 here, unlike 403 at the other endpoint.
#[tokio::test]
async fn polling_what_was_denied_is_access_denied_each_time() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.decide("alice", &request, json!({"decision": "deny"}), at(4.0)).await;
    for seconds in [5.0, 5.1, 30.0, 119.999] {
        let answer = refused_poll(&provider, &id, at(seconds), DENIED).await;
        assert_eq!(answer.header("retry-after"), None);
    }
}

/// CIBA-11-05, CIBA-11-07, ATK-5-02
#[tokio::test]
async fn what_expired_is_expired_token_whatever_was_decided() {
    for (decision, before) in [(None, PENDING), (Some("deny"), DENIED), (Some("approve"), EXPIRED)] {
        let provider = Provider::start().await;
        let (id, request) = provider.asked(&[], at(0.0)).await;
        if let Some(decision) = decision {
            let answer = provider.decide("alice", &request, json!({"decision": decision}), at(1.0)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        // Nobody comes for what was approved: the last moment has a test of its own.
        if before != EXPIRED {
            assert_eq!(provider.poll(&id, at(119.999)).await.refusal(), before);
        }
        for seconds in [120.0, 121.0, 3600.0] {
            let answer = refused_poll(&provider, &id, at(seconds), EXPIRED).await;
            assert_eq!(answer.header("retry-after"), None, "{decision:?}");
        }
    }
}

/// CIBA-11-05, ATK-5-01: DynamoDB deletes late, never early.
#[tokio::test]
async fn what_expired_is_told_from_what_never_was_for_a_day() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let day = 24.0 * 60.0 * 60.0;
    provider.sweep(at(120.0 + day - 1.0)).await;
    refused_poll(&provider, &id, at(120.0 + day - 1.0), EXPIRED).await;
    refused_poll(&provider, &id, at(120.0 + 2.0 * day), EXPIRED).await;
    provider.sweep(at(120.0 + day + 2.0)).await;
    refused_poll(&provider, &id, at(120.0 + day + 2.0), INVALID).await;
}

/// CIBA-10.1.1-02
#[tokio::test]
async fn what_was_redeemed_is_invalid_before_and_after_its_expiry() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.status, 200);
    for seconds in [5.0, 5.1, 10.0, 120.0, 800.0] {
        refused_poll(&provider, &id, at(seconds), INVALID).await;
    }
}

/// CIBA-11-07: an approval counts until the very end, and not beyond.
#[tokio::test]
async fn an_approval_at_the_last_moment_can_still_be_redeemed() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&id, at(112.9)).await.refusal(), PENDING);
    provider.approve(&request, at(112.999)).await;
    assert_eq!(
        provider.poll(&id, at(119.999)).await.status,
        200,
        "one interval and 2 s are left to collect it"
    );
}
