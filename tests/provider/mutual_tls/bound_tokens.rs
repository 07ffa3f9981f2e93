//! Access tokens bound to the certificate of the token request (RFC 8705 §3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciba_tests::mutual_tls::{issued, over_mutual_tls, self_signed};
use ciba_tests::{SECRET, basic, request};
use serde_json::{Value, json};

use super::*;

/// `x5t#S256`, made as RFC 8705 §3.1 says.
fn thumbprint(certificate: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate))
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("claims")
}

/// Userinfo, asked with this token at the host for mutual TLS.
async fn userinfo(provider: &Provider, token: &str, certificate: Option<&[u8]>, now: Timestamp) -> Answer {
    let authorization = format!("Bearer {token}");
    let plain = request("GET", "/userinfo", &[("authorization", &authorization)], "");
    provider.call(&provider.userinfo, &over_mutual_tls(plain, certificate), now).await
}

/// `till` asks, is approved, and polls with this certificate.
async fn tokens(provider: &Provider, certificate: &[u8]) -> Answer {
    let (auth_req_id, link) = asked(provider, "till", certificate, at(0.0)).await;
    let body = json!({"client_id": "till", "decision": "approve"});
    assert_eq!(provider.decide("alice", &link, body, at(1.0)).await.status, 200);
    let tokens =
        provider.call(&provider.token, &polling("till", &auth_req_id, Some(certificate)), at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens
}

/// A client with a secret, of which `alice` has approved something: its handle.
async fn approved(provider: &Provider, client_id: &str) -> String {
    let answer = provider.ask_as(client_id, &[], at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let link = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();
    let body = json!({"client_id": client_id, "decision": "approve"});
    assert_eq!(provider.decide("alice", &link, body, at(1.0)).await.status, 200);
    answer.text("auth_req_id").to_owned()
}

/// A poll of a client with a secret, at the host for mutual TLS if there is a certificate.
async fn polled(
    provider: &Provider,
    client_id: &str,
    auth_req_id: &str,
    certificate: Option<&[u8]>,
    now: Timestamp,
) -> Answer {
    let body = form(&[("grant_type", CIBA), ("auth_req_id", auth_req_id)]);
    let plain = form_request("/oauth/token", Some(&basic(client_id, SECRET)), &body);
    let request = if certificate.is_some() { over_mutual_tls(plain, certificate) } else { plain };
    provider.call(&provider.token, &request, now).await
}

/// TOK-5-01, TOK-5-02, FCIBA-19
#[tokio::test]
async fn a_mutual_tls_clients_token_names_its_certificate() {
    let provider = provider().await;
    let certificate = issued("Till 7", |_| {});
    let tokens = tokens(&provider, &certificate).await;
    let cnf = json!({"x5t#S256": thumbprint(&certificate)});
    assert_eq!(tokens.text("token_type"), "Bearer");
    assert_eq!(claims(tokens.text("access_token"))["cnf"], cnf);
    assert_eq!(claims(tokens.text("id_token")).get("cnf"), None);

    let token = [("token", tokens.text("access_token"))];
    let seen = posted("/oauth/introspect", "till", &token, Some(&certificate));
    let seen = provider.call(&provider.introspection, &seen, at(6.0)).await;
    assert_eq!((&seen.body["active"], &seen.body["cnf"]), (&json!(true), &cnf));
    // Whoever introspects compares; its own certificate does not matter.
    let certificate = issued("Till 7", |_| {});
    let seen = posted("/oauth/introspect", "till", &token, Some(&certificate));
    assert_eq!(provider.call(&provider.introspection, &seen, at(6.0)).await.body["cnf"], cnf);
}

/// TOK-5-03
#[tokio::test]
async fn userinfo_takes_a_bound_token_only_with_its_certificate() {
    let provider = provider().await;
    let certificate = issued("Till 7", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 16));
    let bound = tokens(&provider, &certificate).await;
    let bound = bound.text("access_token");
    let answer = userinfo(&provider, bound, Some(&certificate), at(6.0)).await;
    assert_eq!((answer.status, &answer.body["sub"]), (200, &json!("alice")));

    for (what, other) in [
        ("none", None),
        ("another of the same name", Some(issued("Till 7", |_| {}))),
        ("one of its own making", Some(self_signed("Till 7", |_| {}))),
    ] {
        let answer = userinfo(&provider, bound, other.as_deref(), at(6.0)).await;
        assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"), "{what}");
        assert!(answer.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#), "{what}");
    }
    let authorization = format!("Bearer {bound}");
    let plain = request("GET", "/userinfo", &[("authorization", &authorization)], "");
    let answer = provider.call(&provider.userinfo, &plain, at(6.0)).await;
    assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"), "at the issuer's own host");
    let pem = format!(
        "-----BEGIN%20CERTIFICATE-----%0A{}%0A-----END%20CERTIFICATE-----",
        STANDARD.encode(&certificate)
    );
    for name in ["x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-leaf", "x-client-cert"] {
        let headers = [("authorization", authorization.as_str()), (name, pem.as_str())];
        let smuggled = || request("GET", "/userinfo", &headers, "");
        for call in [smuggled(), over_mutual_tls(smuggled(), None)] {
            let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
            assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"), "{name}");
        }
    }

    // A token that is bound to nothing counts at either host.
    let free = approved(&provider, "kiosk").await;
    let free = polled(&provider, "kiosk", &free, None, at(8.0)).await;
    assert_eq!(userinfo(&provider, free.text("access_token"), None, at(9.0)).await.status, 200);
}

/// FCIBA-20, TOK-5-04, TOK-5-05: whatever the client authenticates with. Without one it loses nothing.
#[tokio::test]
async fn a_client_of_bound_tokens_needs_a_certificate() {
    let provider = provider().await;
    let bound = json!({"client_id": "bound", "tls_client_certificate_bound_access_tokens": true,
        "grant_types": [CIBA, "refresh_token"], "scope": "openid profile offline_access"});
    provider.register(bound).await.expect("bound");
    let answer = provider
        .ask_as("bound", &[("scope", "openid offline_access"), ("login_hint", "alice")], at(0.0))
        .await;
    let link = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();
    let body = json!({"client_id": "bound", "decision": "approve"});
    assert_eq!(provider.decide("alice", &link, body, at(1.0)).await.status, 200);
    let auth_req_id = answer.text("auth_req_id");

    let without = polled(&provider, "bound", auth_req_id, None, at(5.0)).await;
    assert_eq!(without.refusal(), (400, "invalid_request"));
    let certificate = self_signed("Anything", |_| {});
    let with = polled(&provider, "bound", auth_req_id, Some(&certificate), at(10.0)).await;
    assert_eq!(with.status, 200, "the approval was not used up: {with:?}");
    assert_eq!(claims(with.text("access_token"))["cnf"], json!({"x5t#S256": thumbprint(&certificate)}));

    // TOK-5-05: the grant outlives the certificate.
    let refresh = |certificate: Option<&[u8]>| {
        let body = form(&[("grant_type", "refresh_token"), ("refresh_token", with.text("refresh_token"))]);
        let plain = form_request("/oauth/token", Some(&basic("bound", SECRET)), &body);
        if certificate.is_some() { over_mutual_tls(plain, certificate) } else { plain }
    };
    let without = provider.call(&provider.token, &refresh(None), at(12.0)).await;
    assert_eq!(without.refusal(), (400, "invalid_request"));
    let renewed = self_signed("Anything", |_| {});
    let with = provider.call(&provider.token, &refresh(Some(&renewed)), at(14.0)).await;
    assert_eq!(claims(with.text("access_token"))["cnf"], json!({"x5t#S256": thumbprint(&renewed)}));
}

/// TOK-5-04: a certificate that means nothing to the client's registration binds nothing.
#[tokio::test]
async fn a_token_is_not_bound_without_registration() {
    let provider = provider().await;
    let auth_req_id = approved(&provider, "kiosk").await;
    let tokens = polled(&provider, "kiosk", &auth_req_id, Some(&issued("Till 7", |_| {})), at(5.0)).await;
    assert_eq!(claims(tokens.text("access_token")).get("cnf"), None);
    assert_eq!(tokens.text("token_type"), "Bearer");
}
