//! A client must not approve itself.

use ciba::config::{Issuer, LoginIssuers};
use ciba::domain::base::profile::Profile;
use ciba::domain::base::time::Timestamp;
use ciba::flows::registering::register_client::RegisterClient;
use ciba_local::proxy::Refusal;
use ciba_tests::{Answer, Provider, START, at, json_request};
use serde_json::{Value, json};

use super::{refusal, refused};

const AUDIENCE: &str = "ciba-consent";

/// `alice`'s decision about `kiosk`'s request, with these claims in her token.
async fn decide(
    provider: &Provider,
    request: &str,
    claims: &Value,
    decision: &str,
    now: Timestamp,
) -> Answer {
    let token = provider.login_token("alice", now, claims.clone());
    let body = json!({"client_id": "kiosk", "decision": decision}).to_string();
    let path = format!("/consent/{request}/decision");
    provider.call(&provider.consent, &json_request("POST", &path, Some(&token), &body), now).await
}

/// Tokens that name `kiosk`, each in its own way.
fn tokens_of_the_client() -> [Value; 4] {
    [
        json!({"aud": [AUDIENCE, "kiosk"]}),
        json!({"aud": ["kiosk", AUDIENCE]}),
        json!({"azp": "kiosk"}),
        json!({"client_id": "kiosk"}),
    ]
}

#[tokio::test]
async fn a_token_that_names_the_client_cannot_decide_its_request() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    for claims in tokens_of_the_client() {
        for decision in ["approve", "deny"] {
            let deciding = decide(&provider, &request, &claims, decision, at(1.0));
            assert_eq!(
                refused(&provider, deciding).await,
                refusal(403, "access_denied"),
                "{claims} {decision}"
            );
        }
    }
    provider.approve(&request, at(2.0)).await;
    for claims in tokens_of_the_client() {
        let repeating = decide(&provider, &request, &claims, "approve", at(3.0));
        assert_eq!(refused(&provider, repeating).await, refusal(403, "access_denied"), "{claims}, repeated");
    }
}

#[tokio::test]
async fn a_token_that_names_the_client_still_shows_what_waits() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    for claims in tokens_of_the_client() {
        let token = provider.login_token("alice", at(1.0), claims.clone());
        for path in ["/consent".to_owned(), format!("/consent/{request}")] {
            let reading = json_request("GET", &path, Some(&token), "");
            assert_eq!(
                provider.call(&provider.consent, &reading, at(1.0)).await.status,
                200,
                "{claims} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_that_names_another_client_is_a_proof() {
    for claims in [
        json!({"client_id": "call-centre"}),
        json!({"azp": "the-approval-app"}),
        json!({"aud": [AUDIENCE, "x"]}),
    ] {
        let provider = Provider::start().await;
        let (_, request) = provider.asked(&[], at(0.0)).await;
        assert_eq!(decide(&provider, &request, &claims, "approve", at(1.0)).await.status, 200, "{claims}");
    }
}

/// A provider without keys and clients, where login tokens are for the audience `audience`.
async fn with_audience(audience: &str) -> Provider {
    let login = json!([{
        "issuer": "https://login.example",
        "jwks_uri": "https://login.example/jwks",
        "audience": {"claim": "aud", "value": audience},
        "algorithms": ["ES256"],
    }]);
    Provider::empty(&[("LOGIN_ISSUERS", &login.to_string())]).await
}

/// The client `kiosk`, written down before anybody thought of login issuers.
async fn register_earlier(provider: &Provider) {
    let metadata = json!({
        "client_id": "kiosk",
        "client_name": "City Kiosk",
        "client_secret": "s".repeat(32),
        "grant_types": [],
        "backchannel_token_delivery_mode": "poll",
        "scope": "openid",
    });
    let metadata = serde_json::from_value(metadata).unwrap();
    let issuer = Issuer::read(&provider.environment()).unwrap();
    let registrar = RegisterClient {
        issuer: &issuer,
        login_issuers: &LoginIssuers::default(),
        profile: Profile::Plain,
        mtls: None,
    };
    registrar.register(&provider.table, metadata).await.unwrap();
}

#[tokio::test]
async fn the_function_does_not_start_where_an_audience_is_a_client() {
    let provider = with_audience("kiosk").await;
    let start = async || provider.consent.warm_up(&provider.invocation(START)).await;
    assert!(start().await.is_ok(), "there is no such client yet");
    register_earlier(&provider).await;
    let refused = start().await.expect_err("a client");
    assert!(refused.to_string().contains("LOGIN_ISSUERS"), "{refused}");
}

#[tokio::test]
async fn the_function_starts_where_the_audience_is_nobodys_name() {
    for audience in [AUDIENCE, "KIOSK", "https://api.example/with spaces"] {
        let provider = with_audience(audience).await;
        register_earlier(&provider).await;
        assert!(provider.consent.warm_up(&provider.invocation(START)).await.is_ok(), "{audience}");
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_read_at_the_start_stops_nothing() {
    let provider = with_audience("kiosk").await;
    register_earlier(&provider).await;
    for nth in 1..=3 {
        provider.proxy.fail_before("GetItem", nth, Refusal::InternalServerError);
    }
    assert!(provider.consent.warm_up(&provider.invocation(START)).await.is_ok());
}
