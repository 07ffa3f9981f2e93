//! Handles: whose they are, and which are none (requirements F.4).

use ciba_tests::{Provider, SECRET, START, at};
use serde_json::json;

use super::{posted_by, refused, refused_poll, send};

const PENDING: (u16, &str) = (400, "authorization_pending");
const INVALID: (u16, &str) = (400, "invalid_grant");

async fn with_teller() -> Provider {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    provider
}

/// CIBA-10.1-03, ATK-4-01: whoever else polls neither learns, nor slows, nor consumes anything.
#[tokio::test]
async fn another_clients_poll_is_invalid_and_changes_nothing() {
    let provider = with_teller().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    let foreign = async |seconds| {
        let before = provider.traces().await;
        assert_eq!(provider.poll_as("teller", &id, at(seconds)).await.refusal(), INVALID, "{seconds}");
        assert_eq!(provider.traces().await, before, "{seconds}");
        refused(&provider, &posted_by("call-centre", SECRET, &id), at(seconds), INVALID).await;
    };
    foreign(1.0).await;
    foreign(5.0).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.refusal(), PENDING);
    provider.approve(&request, at(6.0)).await;
    foreign(7.0).await;
    assert_eq!(provider.poll(&id, at(8.0)).await.status, 200);
    foreign(9.0).await;
    foreign(130.0).await;
}

/// ATK-4-01, HYG-1-08: it is the same answer for each of them.
#[tokio::test]
async fn unknown_foreign_forged_and_redeemed_ids_look_alike() {
    let provider = with_teller().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let foreign = provider.poll_as("teller", &id, at(5.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.status, 200);
    let redeemed = provider.poll(&id, at(6.0)).await;
    let forged = provider.poll(&"A".repeat(44), at(6.0)).await;
    provider.sweep(at(1e6)).await;
    let unknown = provider.poll(&id, at(6.0)).await;
    for answer in [&foreign, &forged, &unknown] {
        assert_eq!(answer.refusal(), INVALID);
        assert_eq!((&answer.body, &answer.headers), (&redeemed.body, &redeemed.headers));
    }
}

/// ATK-4-02, design "Two names for one request": guessing costs us nothing.
#[tokio::test]
async fn a_forged_id_costs_no_call_to_the_table() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.poll(&id, at(5.0)).await;
    provider.approve(&request, at(6.0)).await;
    // A version that nobody knows has been looked for, and is not again within the minute.
    refused_poll(&provider, &"_".repeat(44), at(9.0), INVALID).await;
    provider.proxy.clear();

    let mut forged: Vec<String> = (0..44)
        .map(|at| {
            let other = if id.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &id[..at], &id[at + 1..])
        })
        .collect();
    forged.extend([
        "x".to_owned(),
        id[..43].to_owned(),
        id[1..].to_owned(),
        format!("{id}A"),
        format!("{id}="),
        format!("{id}{id}"),
        format!(" {id}"),
        id.to_lowercase(),
        "A".repeat(44),
        "_".repeat(44),
        "A".repeat(128),
        request,
        "\u{e4}".repeat(22),
    ]);
    for id in &forged {
        refused_poll(&provider, id, at(10.0), INVALID).await;
    }
    assert_eq!(provider.proxy.calls(), [], "the client is known, and so are the keys");
    assert_eq!(provider.poll(&id, at(11.0)).await.status, 200, "the approval is still there");
}

/// Design, "Two names for one request": a key that this function does not know may have been made since.
#[tokio::test]
async fn an_unknown_version_rereads_the_keys_once_a_minute() {
    let provider = Provider::start().await;
    let (id, _) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.refusal(), PENDING);
    // The first character is the upper part of the version.
    let unknown = format!("_{}", &id[1..]);
    let reads = async |seconds| {
        provider.proxy.clear();
        refused_poll(&provider, &unknown, at(seconds), INVALID).await;
        provider.proxy.calls().iter().filter(|call| call.leading_keys() == ["keys"]).count()
    };
    // However young the keys are: the successor of a withdrawn one is used at once.
    assert_eq!(reads(6.0).await, 1);
    assert_eq!(reads(6.1).await, 0);
    assert_eq!(reads(65.9).await, 0);
    assert_eq!(reads(66.0).await, 1);
    assert_eq!(reads(125.9).await, 0);
}

/// ATK-4-01: a handle for one use opens for no other.
#[tokio::test]
async fn what_stands_in_an_access_token_is_no_auth_req_id() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let tokens = provider.poll(&id, at(5.0)).await;
    let (_, claims) = super::tokens::verified(&provider, tokens.text("access_token")).await;
    let jti = claims["jti"].as_str().expect("a jti");
    provider.proxy.clear();
    refused_poll(&provider, &jti[..44], at(6.0), INVALID).await;
    refused_poll(&provider, jti, at(6.0), INVALID).await;
    assert_eq!(provider.proxy.calls(), []);
}

/// Design, "Two names for one request"
#[tokio::test]
async fn without_keys_the_endpoint_is_unavailable() {
    let with_keys = Provider::start().await;
    let (id, _) = with_keys.asked(&[], at(0.0)).await;
    let provider = Provider::empty(&[]).await;
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    let answer = refused_poll(&provider, &id, START, (503, "temporarily_unavailable")).await;
    assert!(answer.retry_after() > 0);
}

/// CIBA-11-08: a fault is never an answer about the request, and the approval stands.
#[tokio::test]
async fn without_the_table_tokens_are_unavailable() {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    for operation in ["GetItem", "Query", "UpdateItem", "BatchGetItem"] {
        for _ in 0..3 {
            provider.proxy.fail_before(operation, 1, ciba_local::proxy::Refusal::InternalServerError);
        }
        let answer = refused_poll(&provider, &id, at(5.0), (503, "temporarily_unavailable")).await;
        assert!(answer.retry_after() > 0, "{operation}");
        provider.proxy.clear();
    }
    let request = super::posted(&[("grant_type", super::CIBA), ("auth_req_id", &id)]);
    assert_eq!(send(&provider, &request, at(6.0)).await.status, 200);
}
