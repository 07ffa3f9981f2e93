//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14; requirements D.3).

use std::collections::BTreeSet;
use std::sync::Arc;

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::request::grant::Refreshing;
use ciba::store::{RefreshUse, Refreshed, WriteId};
use ciba_tests::{Answer, Provider, SECRET, START, Settings, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::tokens::verified;
use super::{CIBA, record, send};

const GONE: (u16, &str) = (400, "invalid_grant");
const DAY: f64 = 24.0 * 60.0 * 60.0;
const SCOPE: &str = "openid profile offline_access";

/// A provider whose client `teller` may refresh.
async fn provider() -> Provider {
    with(&[]).await
}

async fn with(settings: Settings<'_>) -> Provider {
    let provider = Provider::with(settings).await;
    provider.register(teller(json!({}))).await.expect("teller");
    provider
}

fn teller(changes: Value) -> Value {
    let mut metadata = json!({
        "client_id": "teller",
        "grant_types": [CIBA, "refresh_token"],
        "scope": "openid profile email offline_access",
    });
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    metadata
}

/// `alice` approved at 2 s what `teller` asked for, and `teller` collects it at 5 s.
async fn redeemed(provider: &Provider, decision: Value) -> (Answer, String) {
    let asked = provider.ask_as("teller", &[("scope", SCOPE)], at(0.0)).await;
    let request = provider.sns.messages().pop().expect("a message").text;
    let request = request.rsplit('/').next().expect("a link").to_owned();
    let mut body = json!({"client_id": "teller", "decision": "approve"});
    for (name, value) in decision.as_object().expect("an object") {
        body[name] = value.clone();
    }
    assert_eq!(provider.decide("alice", &request, body, at(2.0)).await.status, 200);
    let tokens = provider.poll_as("teller", asked.text("auth_req_id"), at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    (tokens, request)
}

async fn refresh_token(provider: &Provider) -> String {
    redeemed(provider, json!({})).await.0.text("refresh_token").to_owned()
}

async fn refresh_with(
    provider: &Provider,
    client: &str,
    token: &str,
    parameters: &[(&str, &str)],
    now: Timestamp,
) -> Answer {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let body = form(&[&grant, parameters].concat());
    send(provider, &form_request("/oauth/token", Some(&basic(client, SECRET)), &body), now).await
}

async fn refresh(provider: &Provider, token: &str, now: Timestamp) -> Answer {
    refresh_with(provider, "teller", token, &[], now).await
}

/// The refresh token of an answer that must be a success.
#[track_caller]
fn next(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("refresh_token").to_owned()
}

/// TOK-3-01: the person approves it, and the client is registered for it.
#[tokio::test]
async fn a_refresh_token_needs_approval_and_registration() {
    let provider = provider().await;
    let (tokens, _) = redeemed(&provider, json!({})).await;
    let token = tokens.text("refresh_token");
    assert_eq!(token.len(), 50);
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{token}");

    let (tokens, _) = redeemed(&provider, json!({"scope": "openid profile"})).await;
    assert_eq!(tokens.body["refresh_token"], Value::Null, "the person declined it");
    // The client lost the grant type between request and redemption.
    let asked = provider.ask_as("teller", &[("scope", SCOPE)], at(10.0)).await;
    let request = provider.sns.messages().pop().expect("a message").text;
    let request = request.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", &request, body, at(12.0)).await.status, 200);
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    let tokens = provider.poll_as("teller", asked.text("auth_req_id"), at(15.0)).await;
    assert_eq!((tokens.status, &tokens.body["refresh_token"]), (200, &Value::Null));
}

/// TOK-3-01
#[tokio::test]
async fn the_refresh_grant_and_scope_are_registered_together() {
    let provider = provider().await;
    for changes in [json!({"grant_types": [CIBA]}), json!({"scope": "openid"})] {
        assert!(provider.register(teller(changes)).await.is_err());
    }
}

/// TOK-3-06, TOK-3-11, TOK-2-06: only the time of issue is later.
#[tokio::test]
async fn a_refresh_tells_the_same_person_and_authentication() {
    let provider = provider().await;
    let (tokens, _) = redeemed(&provider, json!({})).await;
    let (_, first) = verified(&provider, tokens.text("id_token")).await;
    let later = refresh(&provider, tokens.text("refresh_token"), at(1000.0)).await;
    let (_, second) = verified(&provider, later.text("id_token")).await;
    for claim in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(second[claim], first[claim], "{claim}");
    }
    assert_eq!(second["iat"], json!(START.seconds() + 1000));
    assert_eq!(second["urn:openid:params:jwt:claim:auth_req_id"], Value::Null);
    let (_, access) = verified(&provider, later.text("access_token")).await;
    assert_eq!((&access["scope"], &access["sub"]), (&json!(SCOPE), &json!("alice")));
    assert_eq!(access["auth_time"], first["auth_time"]);
    assert_ne!(later.text("refresh_token"), tokens.text("refresh_token"));
    assert_eq!(later.body["scope"], Value::Null, "it is what was granted");
}

/// TOK-3-04
#[tokio::test]
async fn a_refresh_may_ask_for_less_and_the_next_for_all_again() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let narrow = [("scope", "profile openid")];
    let answer = refresh_with(&provider, "teller", &token, &narrow, at(10.0)).await;
    let (_, access) = verified(&provider, answer.text("access_token")).await;
    assert_eq!(access["scope"], "profile openid");
    let answer = refresh_with(&provider, "teller", &next(&answer), &[("scope", "profile")], at(20.0)).await;
    assert_eq!((answer.status, &answer.body["id_token"]), (200, &Value::Null), "openid was left out");
    let answer = refresh(&provider, &next(&answer), at(30.0)).await;
    let (_, access) = verified(&provider, answer.text("access_token")).await;
    assert_eq!(access["scope"], SCOPE);
}

/// TOK-3-04, HYG-1-09: it uses nothing up.
#[tokio::test]
async fn a_refresh_beyond_the_grant_is_invalid_scope() {
    let provider = provider().await;
    let (tokens, _) = redeemed(&provider, json!({"scope": "openid offline_access"})).await;
    let token = tokens.text("refresh_token");
    for (scope, why) in [
        ("openid profile", "scope has a value that was not granted: profile"),
        ("offline_access email", "scope has a value that was not granted: email"),
        ("\"x\"", "scope has characters that are not allowed"),
    ] {
        let answer = refresh_with(&provider, "teller", token, &[("scope", scope)], at(10.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_scope"), "{scope}");
        assert_eq!(answer.text("error_description"), why);
    }
    assert_eq!(refresh(&provider, token, at(100.0)).await.status, 200);
}

/// TOK-3-02: it does not end the token.
#[tokio::test]
async fn another_client_gets_nothing_for_a_refresh_token() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    provider.register(teller(json!({"client_id": "other"}))).await.expect("other");
    assert_eq!(refresh_with(&provider, "other", &token, &[], at(10.0)).await.refusal(), GONE);
    let not_registered = refresh_with(&provider, "kiosk", &token, &[], at(10.0)).await;
    assert_eq!(not_registered.refusal(), (400, "unauthorized_client"));
    assert_eq!(refresh(&provider, &token, at(10.0)).await.status, 200);
}

/// TOK-3-03
#[tokio::test]
async fn a_refresh_takes_the_clients_secret() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", "teller")]);
    let answer = send(&provider, &form_request("/oauth/token", None, &body), at(10.0)).await;
    assert_eq!(answer.refusal(), (401, "invalid_client"));
}

/// TOK-3-08
#[tokio::test]
async fn a_repeat_within_the_grace_gets_the_same_refresh_token() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let first = next(&refresh(&provider, &token, at(10.0)).await);
    let again = refresh(&provider, &token, at(29.9)).await;
    assert_eq!(next(&again), first);
    verified(&provider, again.text("access_token")).await;
    assert_eq!(refresh(&provider, &first, at(31.0)).await.status, 200, "the repeat did not use it up");
}

/// TOK-3-07, ATK-4-09
#[tokio::test]
async fn a_replaced_token_that_comes_back_ends_the_grant() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let stolen = next(&refresh(&provider, &token, at(10.0)).await);
    assert_eq!(refresh(&provider, &token, at(30.0)).await.refusal(), GONE, "the grace is over");
    assert_eq!(refresh(&provider, &stolen, at(31.0)).await.refusal(), GONE, "whoever holds it");
    let again = refresh_token(&provider).await;
    let second = next(&refresh(&provider, &again, at(10.0)).await);
    next(&refresh(&provider, &second, at(12.0)).await);
    assert_eq!(
        refresh(&provider, &again, at(13.0)).await.refusal(),
        GONE,
        "two steps back, within the grace"
    );
}

/// TOK-3-10
#[tokio::test]
async fn a_refresh_token_ends_when_unused_or_with_its_grant() {
    let provider = with(&[("REFRESH_TOKEN_IDLE_DAYS", "2"), ("REFRESH_TOKEN_LIFETIME_DAYS", "3")]).await;
    let token = refresh_token(&provider).await;
    let unused = refresh_token(&provider).await;
    let token = next(&refresh(&provider, &token, at(1.9 * DAY)).await);
    assert_eq!(refresh(&provider, &unused, at(2.0 * DAY + 5.0)).await.refusal(), GONE);
    let token = next(&refresh(&provider, &token, at(2.9 * DAY)).await);
    assert_eq!(refresh(&provider, &token, at(3.0 * DAY + 5.0)).await.refusal(), GONE);
}

/// TOK-3-10, ATK-5-02
#[tokio::test]
async fn the_record_lies_in_the_table_until_the_last_token_has_ended() {
    let provider = with(&[("REFRESH_TOKEN_LIFETIME_DAYS", "3")]).await;
    let (tokens, request) = redeemed(&provider, json!({})).await;
    provider.sweep(at(3.0 * DAY)).await;
    let item = record(&provider, &request).await;
    assert!(item["ttl"].as_str().and_then(|ttl| ttl.parse().ok()) >= Some(at(4.0 * DAY).seconds()));
    assert_eq!(refresh(&provider, tokens.text("refresh_token"), at(2.9 * DAY)).await.status, 200);
}

/// ATK-8-04, TOK-3-10
#[tokio::test]
async fn nothing_is_refreshed_for_a_disabled_person_or_client() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let channels = json!([{"sms": "+15555550100"}]);
    provider.enroll("alice", json!({"channels": channels, "active": false})).await.expect("alice");
    assert_eq!(refresh(&provider, &token, at(10.0)).await.refusal(), GONE);
    provider.enroll("alice", json!({"channels": channels})).await.expect("alice");
    // The warm function has the client in its cache still; what is issued rests on the record.
    provider.register(teller(json!({"active": false}))).await.expect("teller");
    assert_eq!(refresh(&provider, &token, at(10.0)).await.refusal(), (400, "unauthorized_client"));
    provider.register(teller(json!({}))).await.expect("teller");
    assert_eq!(refresh(&provider, &token, at(10.0)).await.status, 200);
}

/// FCIBA-24
#[tokio::test]
async fn without_rotation_the_same_token_goes_on() {
    let provider = Provider::start().await;
    provider.register(teller(json!({"refresh_token_rotation": false}))).await.expect("teller");
    let token = refresh_token(&provider).await;
    for seconds in [10.0, 11.0, 500.0] {
        assert_eq!(next(&refresh(&provider, &token, at(seconds)).await), token);
    }
}

/// TOK-3-13, ATK-4-01
#[tokio::test]
async fn what_is_no_refresh_token_costs_no_read() {
    let provider = provider().await;
    let (tokens, _) = redeemed(&provider, json!({})).await;
    refresh(&provider, tokens.text("refresh_token"), at(6.0)).await;
    let asked = provider.ask_as("teller", &[("login_hint", "bob")], at(6.0)).await;
    let token = tokens.text("refresh_token");
    let flipped = format!("{}{}", if token.starts_with('A') { "B" } else { "A" }, &token[1..]);
    let inner =
        format!("{}{}{}", &token[..20], if token.as_bytes()[20] == b'A' { "B" } else { "A" }, &token[21..]);
    let long = "A".repeat(129);
    provider.proxy.clear();
    for (token, expected) in [
        (asked.text("auth_req_id"), GONE),
        (&tokens.text("access_token")[..100], GONE),
        (&inner, GONE),
        ("x", GONE),
        (&long, (400, "invalid_request")),
        ("", (400, "invalid_request")),
    ] {
        assert_eq!(refresh(&provider, token, at(7.0)).await.refusal(), expected, "{token}");
    }
    assert_eq!(provider.proxy.calls().len(), 0, "{:?}", provider.proxy.calls());
    // Another key version: the keys are looked at again, and that is all.
    assert_eq!(refresh(&provider, &flipped, at(7.0)).await.refusal(), GONE);
}

/// A handle for one use opens for no other.
#[tokio::test]
async fn a_refresh_token_is_no_auth_req_id() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    assert_eq!(provider.poll_as("teller", &token, at(10.0)).await.refusal(), GONE);
}

/// TOK-3-08, TOK-3-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_parallel_refreshes_all_get_the_one_successor() {
    let provider = Arc::new(provider().await);
    let token = refresh_token(&provider).await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (provider, token) = (Arc::clone(&provider), token.clone());
        tasks.spawn(async move { refresh(&provider, &token, at(10.0)).await });
    }
    let answers = tasks.join_all().await;
    let successors: BTreeSet<_> = answers.iter().map(next).collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.first().expect("one");
    assert_eq!(refresh(&provider, successor, at(40.0)).await.status, 200);
}

/// TOK-3-09: whoever was overtaken writes nothing, so the number of the current token never goes back.
#[tokio::test]
async fn a_use_that_was_overtaken_changes_nothing() {
    let provider = provider().await;
    let (tokens, request) = redeemed(&provider, json!({})).await;
    let key = RequestKey::parse(&request).expect("a key");
    let found = provider.table.find_request(&key).await.expect("the table").expect("the record");
    let seen = found.grant().and_then(|grant| grant.refresh).expect("a refresh token");
    let second = next(&refresh(&provider, tokens.text("refresh_token"), at(6.0)).await);
    let third = next(&refresh(&provider, &second, at(7.0)).await);

    let late = Refreshing { counter: seen.counter + 1, ..seen };
    let write = WriteId::new([9; 16]);
    let outcome = provider
        .table
        .refresh_grant(
            &key,
            RefreshUse { client: &found.client, seen: seen.counter, next: &late, at: at(8.0) },
            &write,
        )
        .await;
    assert!(matches!(outcome, Ok(Refreshed::Changed(Some(_)))), "{outcome:?}");
    assert_eq!(refresh(&provider, &third, at(9.0)).await.status, 200);
}

/// What each use costs: two reads and one write; a repeat costs no write.
#[tokio::test]
async fn a_refresh_costs_two_reads_and_one_write() {
    let provider = provider().await;
    let token = refresh_token(&provider).await;
    let names = |provider: &Provider| {
        let calls = provider.proxy.calls();
        provider.proxy.clear();
        calls.iter().map(|call| call.operation.clone()).collect::<Vec<_>>()
    };
    provider.proxy.clear();
    refresh(&provider, &token, at(6.0)).await;
    assert_eq!(names(&provider), ["GetItem", "BatchGetItem", "UpdateItem"]);
    refresh(&provider, &token, at(7.0)).await;
    assert_eq!(names(&provider), ["GetItem", "BatchGetItem"]);
}
