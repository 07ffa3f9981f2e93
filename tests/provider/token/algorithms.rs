//! What signs a token: by client, and by resource.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_tests::{Answer, Provider, START, at, request};
use serde_json::{Value, json};

use super::tokens::verified;

const API: &str = "https://api.example";
const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "PS256", "EdDSA"];

/// What `kiosk`, registered with these changes, gets for what `alice` approved.
async fn tokens(provider: &Provider, changes: Value, parameters: &[(&str, &str)]) -> Answer {
    let mut metadata = json!({"client_id": "kiosk"});
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    provider.register(metadata).await.expect("kiosk");
    let (id, link) = provider.asked(parameters, at(0.0)).await;
    provider.approve(&link, at(1.0)).await;
    let answer = provider.poll(&id, at(5.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn resource(algorithm: &str) -> Value {
    json!([{"resource": API, "scope": "openid", "signing_alg": algorithm}])
}

/// A provider that is asked often.
async fn patient() -> Provider {
    Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await
}

/// TOK-1-12, TOK-1-11, TOK-1-13
#[tokio::test]
async fn an_id_token_is_signed_as_registered_and_its_at_hash_fits() {
    let provider = patient().await;
    for algorithm in ALGORITHMS {
        let answer = tokens(&provider, json!({"id_token_signed_response_alg": algorithm}), &[]).await;
        let (header, claims) = verified(&provider, answer.text("id_token")).await;
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("JWT")));
        let access = answer.text("access_token").as_bytes();
        let half = match algorithm {
            "EdDSA" => digest(&SHA512, access).as_ref()[..32].to_vec(),
            _ => digest(&SHA256, access).as_ref()[..16].to_vec(),
        };
        assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(half), "{algorithm}");
        let (access, _) = verified(&provider, answer.text("access_token")).await;
        assert_eq!(access["alg"], "ES256", "the resource says what signs its tokens, not the client");
    }
}

/// TOK-2-04
#[tokio::test]
async fn an_access_token_is_signed_as_its_resource_is_registered() {
    let provider = patient().await;
    for algorithm in ALGORITHMS {
        let changes = json!({"resources": resource(algorithm)});
        let answer = tokens(&provider, changes, &[("scope", "openid"), ("resource", API)]).await;
        let (header, claims) = verified(&provider, answer.text("access_token")).await;
        assert_eq!(
            (&header["alg"], &header["typ"], &claims["aud"]),
            (&json!(algorithm), &json!("at+jwt"), &json!(API))
        );
        let (id_token, _) = verified(&provider, answer.text("id_token")).await;
        assert_eq!(id_token["alg"], "ES256");
    }
}

/// The audience that a client is registered with may be a resource, with an algorithm of its own.
#[tokio::test]
async fn the_default_audience_uses_its_resources_algorithm() {
    let provider = Provider::start().await;
    let changes = json!({"audience": API, "resources": resource("RS256")});
    let answer = tokens(&provider, changes, &[("scope", "openid")]).await;
    let (header, claims) = verified(&provider, answer.text("access_token")).await;
    assert_eq!((&header["alg"], &claims["aud"]), (&json!("RS256"), &json!(API)));
}

/// TOK-6-04: nothing is used up where no one token can be made.
#[tokio::test]
async fn resources_of_different_algorithms_are_redeemed_one_by_one() {
    let provider = Provider::start().await;
    let resources = json!([
        {"resource": API, "scope": "openid", "signing_alg": "RS256"},
        {"resource": "https://b.example", "scope": "openid"},
    ]);
    provider.register(json!({"client_id": "kiosk", "resources": resources})).await.expect("kiosk");
    let both = format!("{API} https://b.example");
    let (id, link) = provider.asked(&[("scope", "openid"), ("resource", &both)], at(0.0)).await;
    provider.approve(&link, at(1.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.refusal(), (400, "invalid_target"));
    let one = super::posted(&[("grant_type", super::CIBA), ("auth_req_id", &id), ("resource", API)]);
    assert_eq!(super::send(&provider, &one, at(6.0)).await.status, 200);
}

/// The checks that AWS documents of an HTTP API's JWT authorizer: the key by `kid` from the issuer's key set, an algorithm
/// based on RSA, `iss`, `aud` or else `client_id` among its audiences, `exp`, `nbf`, `iat`, and one of the route's scopes.
async fn authorized(provider: &Provider, token: &str, audiences: &[&str], scopes: &[&str], now: i64) -> bool {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    if !["RS256", "RS384", "RS512"].iter().any(|rsa| header["alg"] == *rsa) || header["kid"].is_null() {
        return false;
    }
    let document = request("GET", "/.well-known/openid-configuration", &[], "");
    let document = provider.call(&provider.discovery, &document, at(0.0)).await.body;
    let (_, claims) = verified(provider, token).await;
    let audience = if claims["aud"].is_null() { &claims["client_id"] } else { &claims["aud"] };
    let several = audience.as_array().cloned().unwrap_or_else(|| vec![audience.clone()]);
    let named: Vec<_> = several.iter().filter_map(Value::as_str).collect();
    let time = |claim: &str| claims[claim].as_i64();
    let granted = claims["scope"].as_str().unwrap_or_default();
    claims["iss"] == document["issuer"]
        && document["jwks_uri"] == format!("{}/.well-known/jwks.json", Provider::ISSUER)
        && named.iter().any(|name| audiences.contains(name))
        && time("exp").is_some_and(|exp| exp > now)
        && time("nbf").is_none_or(|nbf| nbf <= now)
        && time("iat").is_none_or(|iat| iat <= now)
        && (scopes.is_empty() || granted.split(' ').any(|scope| scopes.contains(&scope)))
}

/// API Gateway takes tokens that RSA signed, and no others.
#[tokio::test]
async fn a_token_for_an_api_gateway_jwt_authorizer_can_be_had() {
    let provider = patient().await;
    let changes = |algorithm: &str| json!({"scope": "openid read", "resources": [{"resource": API, "scope": "read", "signing_alg": algorithm}]});
    let asked = [("scope", "openid read"), ("resource", API)];
    let answer = tokens(&provider, changes("RS256"), &asked).await;
    let (token, now) = (answer.text("access_token"), START.seconds() + 10);
    assert!(authorized(&provider, token, &[API], &["read"], now).await);
    assert!(authorized(&provider, token, &[API], &[], now).await);
    assert!(!authorized(&provider, token, &["https://b.example"], &["read"], now).await);
    assert!(!authorized(&provider, token, &[API], &["write"], now).await);
    assert!(!authorized(&provider, token, &[API], &["read"], now + 600).await);
    let other = tokens(&provider, changes("ES256"), &asked).await;
    assert!(!authorized(&provider, other.text("access_token"), &[API], &["read"], now).await);
}
