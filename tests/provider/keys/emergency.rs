//! A key has leaked: it ends at once, in functions that are warm as well, and its successor begins.

use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::store::KeyUse;
use ciba_local::proxy::Refusal;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request, request};
use introspection::Introspection;
use serde_json::json;
use token::Token;

use super::{DAILY, DAY, NOTICE, SECOND, SIGNING, kid, published, replace_leaked, rotate, tokens, version};

/// A client that refreshes, beside the usual ones.
async fn with_refresh() -> Provider {
    let provider = Provider::with(&[DAILY, ("ASKS_PER_TEN_MINUTES", "16")]).await;
    let kiosk = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(kiosk).await.expect("kiosk");
    provider
}

async fn userinfo(provider: &Provider, tokens: &Answer, now: f64) -> Answer {
    let bearer = format!("Bearer {}", tokens.text("access_token"));
    let request = request("GET", "/userinfo", &[("authorization", &bearer)], "");
    provider.call(&provider.userinfo, &request, at(now)).await
}

async fn is_active(provider: &Provider, token: &str, now: f64) -> bool {
    is_active_to(provider, &provider.introspection, token, now).await
}

async fn is_active_to(provider: &Provider, function: &Introspection, token: &str, now: f64) -> bool {
    let request = form_request("/", Some(&basic("kiosk", SECRET)), &form(&[("token", token)]));
    let answer = provider.call(function, &request, at(now)).await;
    answer.body["active"].as_bool().unwrap_or_else(|| panic!("{answer:?}"))
}

async fn refresh(provider: &Provider, function: &Token, token: &str, now: f64) -> Answer {
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let request = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &body);
    provider.call(function, &request, at(now)).await
}

/// A function that has read its keys at `now`, and learns nothing from what others are asked.
async fn warm_token(provider: &Provider, now: f64) -> Token {
    let function = Token::new(&provider.environment()).expect("token");
    function.warm_up(&provider.invocation(at(now))).await;
    function
}

async fn warm_introspection(provider: &Provider, now: f64) -> Introspection {
    let function = Introspection::new(&provider.environment()).expect("introspection");
    function.warm_up(&provider.invocation(at(now))).await;
    function
}

async fn ask_with_id_token(provider: &Provider, tokens: &Answer, now: f64) -> Answer {
    let body = form(&[("scope", "openid"), ("id_token_hint", tokens.text("id_token"))]);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    provider.call(&provider.backchannel_authentication, &request, at(now)).await
}

/// TOK-12-03, TOK-12-05: every function here has read its keys just before. Nothing is signed or verified with it.
#[tokio::test]
async fn a_leaked_signing_key_is_unpublished_and_useless_at_once() {
    let provider = with_refresh().await;
    let before = tokens(&provider, 0.0).await;
    assert_eq!(userinfo(&provider, &before, 6.0).await.status, 200);
    assert!(is_active(&provider, before.text("access_token"), 6.0).await);
    assert_eq!(ask_with_id_token(&provider, &before, 7.0).await.status, 200);
    let (auth_req_id, request) = provider.asked(&[], at(8.0)).await;
    provider.approve(&request, at(9.0)).await;

    let rotated = replace_leaked(&provider, &[SIGNING], 10.0).await.expect("an emergency");
    assert_eq!(rotated.made, [(SIGNING, 2)]);
    let [successor] = &published(&provider, JwsAlgorithm::DEFAULT, 10.0).await[..] else { panic!("one key") };
    assert_ne!(*successor, kid(&before));
    for other in [JwsAlgorithm::RS256, JwsAlgorithm::PS256, JwsAlgorithm::EdDSA] {
        assert_eq!(published(&provider, other, 10.0).await.len(), 1, "{other:?} did not leak");
    }

    let after = provider.poll(&auth_req_id, at(14.0)).await;
    assert_eq!((after.status, kid(&after)), (200, successor.clone()), "{after:?}");
    assert_eq!(userinfo(&provider, &before, 14.0).await.status, 401);
    assert!(!is_active(&provider, before.text("access_token"), 14.0).await);
    let answer = ask_with_id_token(&provider, &before, 14.0).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
}

/// Who has read the keys a second before the emergency does not wait for minutes.
#[tokio::test]
async fn warm_functions_know_a_leaked_keys_successor_at_once() {
    let provider = with_refresh().await;
    let before = tokens(&provider, 0.0).await;
    userinfo(&provider, &before, 9.0).await;
    is_active(&provider, before.text("access_token"), 9.0).await;
    replace_leaked(&provider, &[SIGNING, KeyUse::Handle], 10.0).await.expect("an emergency");
    let after = tokens(&provider, 10.0).await;
    assert_eq!(userinfo(&provider, &after, 16.0).await.status, 200);
    assert!(is_active(&provider, after.text("access_token"), 16.0).await);
    assert_eq!(ask_with_id_token(&provider, &after, 17.0).await.status, 200);
}

/// TOK-12-05: who has it can make handles of requests, grants and tokens. New requests go on.
#[tokio::test]
async fn a_leaked_handle_key_opens_nothing_more_at_once() {
    let provider = with_refresh().await;
    let offline = [("scope", "openid offline_access")];
    let (auth_req_id, request) = provider.asked(&offline, at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let before = provider.poll(&auth_req_id, at(5.0)).await;
    let refreshing = warm_token(&provider, 6.0).await;
    let introspections = [warm_introspection(&provider, 6.0).await, warm_introspection(&provider, 6.0).await];
    let (approved, request) = provider.asked(&offline, at(7.0)).await;
    provider.approve(&request, at(8.0)).await;
    userinfo(&provider, &before, 8.0).await;

    let rotated = replace_leaked(&provider, &[KeyUse::Handle], 10.0).await.expect("an emergency");
    assert_eq!(rotated.made, [(KeyUse::Handle, 2)]);
    assert_eq!(provider.poll(&approved, at(14.0)).await.refusal(), (400, "invalid_grant"));
    let answer = refresh(&provider, &refreshing, before.text("refresh_token"), 14.0).await;
    assert_eq!(answer.refusal(), (400, "invalid_grant"));
    for (function, token) in introspections.iter().zip(["access_token", "refresh_token"]) {
        assert!(!is_active_to(&provider, function, before.text(token), 15.0).await, "{token}");
    }
    assert_eq!(userinfo(&provider, &before, 15.0).await.status, 401);
    let states = provider.items_under("request#").await;
    assert!(states.iter().any(|item| item["state"] == "approved"), "nothing was used up");

    // The function that asks has its keys from before, and seals with the successor all the same.
    let (auth_req_id, request) = provider.asked(&offline, at(16.0)).await;
    assert_eq!(version(&auth_req_id), 2);
    provider.approve(&request, at(17.0)).await;
    let after = provider.poll(&auth_req_id, at(21.0)).await;
    assert_eq!(after.status, 200, "{after:?}");
    assert_eq!(refresh(&provider, &refreshing, after.text("refresh_token"), 22.0).await.status, 200);
    assert_eq!(userinfo(&provider, &after, 22.0).await.status, 200);
}

/// A function that knows that its key is withdrawn, and cannot read another, waits rather than signs.
#[tokio::test]
async fn a_withdrawn_key_is_not_used_when_keys_cannot_be_reread() {
    let provider = with_refresh().await;
    tokens(&provider, 0.0).await;
    let (auth_req_id, request) = provider.asked(&[], at(6.0)).await;
    provider.approve(&request, at(7.0)).await;
    replace_leaked(&provider, &[SIGNING], 8.0).await.expect("an emergency");
    let before = provider.traces().await;
    provider.proxy.clear();
    for nth in 1..=3 {
        provider.proxy.fail_before("Query", nth, Refusal::InternalServerError);
    }
    assert_eq!(provider.poll(&auth_req_id, at(11.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(provider.traces().await, before, "the approval stands");
    let tokens = provider.poll(&auth_req_id, at(16.0)).await;
    assert!(published(&provider, JwsAlgorithm::DEFAULT, 16.0).await.contains(&kid(&tokens)));
}

/// The keys of `key_use` that are not withdrawn: their generations.
async fn good(provider: &Provider, key_use: KeyUse) -> Vec<u32> {
    let records = provider.table.list_keys().await.expect("keys").into_iter();
    let good = records.filter(|record| record.key_use == key_use && record.withdrawn_at.is_none());
    good.map(|record| record.generation).collect()
}

/// Beside a rotation for which a successor is due at the same moment.
#[tokio::test]
async fn simultaneous_emergencies_are_one() {
    for _ in 0..6 {
        let provider = Provider::with(&[DAILY]).await;
        let now = DAY - NOTICE;
        let uses = [SIGNING, KeyUse::Handle];
        let (_, one, two, three) = tokio::join!(
            rotate(&provider, now),
            replace_leaked(&provider, &uses, now),
            replace_leaked(&provider, &uses, now),
            replace_leaked(&provider, &uses, now),
        );
        for emergency in [one, two, three] {
            emergency.expect("each ends well");
        }
        for key_use in uses {
            let [generation] = good(&provider, key_use).await[..] else { panic!("one {key_use:?} key") };
            // The rotation's own successor may have come between; no emergency made another one's again.
            assert!((2..=3).contains(&generation), "{key_use:?} {generation}");
        }
        let [successor] = &published(&provider, JwsAlgorithm::DEFAULT, now).await[..] else {
            panic!("one key")
        };
        assert_eq!(kid(&tokens(&provider, now).await), *successor, "it signs at once");
    }
}

/// What was put is kept, and what was not withdrawn is withdrawn by the next.
#[tokio::test]
async fn an_emergency_that_failed_half_way_is_completed_by_another() {
    let provider = with_refresh().await;
    provider.proxy.clear();
    for nth in 2..=4 {
        provider.proxy.fail_before("TransactWriteItems", nth, Refusal::InternalServerError);
    }
    replace_leaked(&provider, &[SIGNING], 10.0).await.expect_err("nothing can be withdrawn");
    assert_eq!(good(&provider, SIGNING).await, [1, 2]);
    let again = replace_leaked(&provider, &[SIGNING], 20.0).await.expect("an emergency");
    assert_eq!((again.made, good(&provider, SIGNING).await), (vec![], vec![2]));
    // Minutes later it is another one.
    let later = replace_leaked(&provider, &[SIGNING], 300.0).await.expect("an emergency");
    assert_eq!((later.made, good(&provider, SIGNING).await), (vec![(SIGNING, 3)], vec![3]));
}

/// The keys that wait and those that are retired lay beside the one that leaked.
#[tokio::test]
async fn waiting_and_retired_keys_are_withdrawn_as_well() {
    let provider = Provider::with(&[DAILY]).await;
    let first = published(&provider, JwsAlgorithm::DEFAULT, 0.0).await;
    rotate(&provider, DAY - NOTICE).await;
    rotate(&provider, 2.0 * DAY - NOTICE).await;
    let three = published(&provider, JwsAlgorithm::DEFAULT, 2.0 * DAY - NOTICE).await;
    assert!(three.len() == 3 && three.contains(&first[0]), "retired, current and waiting");
    let now = 2.0 * DAY - NOTICE + 10.0;
    replace_leaked(&provider, &[SIGNING], now).await.expect("an emergency");
    assert_eq!(good(&provider, SIGNING).await, [4]);
    let [successor] = &published(&provider, JwsAlgorithm::DEFAULT, now).await[..] else { panic!("one") };
    assert!(!three.contains(successor));
    // Its own successor comes by the schedule.
    assert!(rotate(&provider, now + 60.0).await.is_empty());
    assert_eq!(rotate(&provider, 3.0 * DAY - NOTICE).await.len(), SECOND.len());
}

/// Who comes late, with what it read before, takes nothing back.
#[tokio::test]
async fn a_withdrawal_only_ever_goes_further() {
    let provider = Provider::with(&[DAILY]).await;
    let (now, later) = (provider.invocation(at(10.0)), provider.invocation(at(20.0)));
    for (invocation, key_use, through) in
        [(&now, SIGNING, 3), (&later, SIGNING, 2), (&later, SIGNING, 3), (&later, KeyUse::Handle, 1)]
    {
        let write = &invocation.write_id;
        provider.table.withdraw_keys(key_use, through, invocation.now, write).await.expect("a withdrawal");
    }
    let (_, withdrawn) = provider.table.list_keys_and_withdrawals().await.expect("keys");
    assert_eq!([3, 4].map(|generation| withdrawn.since(SIGNING, generation)), [Some(now.now), None]);
    assert_eq!(withdrawn.since(KeyUse::Handle, 1), Some(later.now));
}
