use serde_json::json;

use super::*;
use crate::domain::base::person_key::PersonKey;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const ID_TOKEN: &str = "header.payload.signature";

fn issuer() -> LoginIssuer {
    serde_json::from_value(json!({
        "issuer": "https://login.example",
        "jwks_uri": "https://login.example/jwks",
        "audience": { "claim": "aud", "value": "approval-app" },
        "required_claims": { "token_use": "access" },
        "scope": "ciba:decide",
        "algorithms": ["ES256"],
        "acr": { "login:mfa": "urn:example:mfa" },
        "amr": { "otp": "otp" },
        "browser": { "client_id": "ciba-page", "label": "acme", "name": "Acme" },
    }))
    .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example",
        "aud": "ciba-page",
        "azp": "ciba-page",
        "sub": "alice",
        "nonce": "n-1",
        "iat": NOW.seconds() - 1,
        "exp": NOW.seconds() + 60,
        "auth_time": NOW.seconds() - 20,
        "acr": "login:mfa",
        "amr": ["pwd", "otp"],
    })
}

fn log_in(issuer: &LoginIssuer, claims: &Value) -> Result<Session, IdTokenRefused> {
    let expected = Expected {
        nonce: "n-1",
        access_token: Some("access"),
        algorithm: JwsAlgorithm::ES256,
        max_age: Duration::from_secs(300),
    };
    issuer.log_in(claims.as_object().unwrap(), &expected, ([7; 16], ID_TOKEN), NOW)
}

/// `claims` with a change; null removes the claim.
fn changed(claim: &str, value: Value) -> Value {
    let mut all = claims();
    all[claim] = value;
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}

/// TOK-1-05, TOK-1-06: neither scope nor required claims of login tokens apply to an ID token.
#[test]
fn a_valid_id_token_logs_the_person_in() {
    let issuer = issuer();
    let session = log_in(&issuer, &claims()).unwrap();
    assert_eq!((session.issuer.as_str(), session.subject.as_str()), ("https://login.example", "alice"));
    let person = issuer.person_key(&session.subject);
    assert_eq!(person, Some(PersonKey::new("https://login.example", "alice")));
    let authentication = &session.authentication;
    assert_eq!(authentication.auth_time.seconds(), NOW.seconds() - 20);
    assert_eq!(
        (authentication.acr.as_deref(), &*authentication.amr),
        (Some("urn:example:mfa"), &["otp".to_owned()][..])
    );
    assert_eq!(session.id_token, URL_SAFE_NO_PAD.encode(digest(&SHA256, ID_TOKEN.as_bytes())));
}

/// RP-1-06, RP-1-07: OIDC Core §3.1.3.7, claim by claim.
#[test]
fn each_rule_refuses_the_id_token_that_breaks_it() {
    use IdTokenRefused as No;
    let s = NOW.seconds();
    for (claim, value, refused) in [
        ("iss", json!("https://login.example/"), No::OtherIssuer),
        ("iss", json!(["https://login.example"]), No::OtherIssuer),
        ("iss", Value::Null, No::OtherIssuer),
        ("aud", json!("approval-app"), No::OtherAudience),
        ("aud", json!(["ciba-page", "other"]), No::OtherAudience),
        ("aud", json!(["ciba-page", "ciba-page"]), No::OtherAudience),
        ("aud", json!([]), No::OtherAudience),
        ("aud", Value::Null, No::OtherAudience),
        ("azp", json!("other"), No::OtherParty),
        ("azp", json!(["ciba-page"]), No::OtherParty),
        ("exp", json!(s - 30), No::Expired),
        ("exp", json!("tomorrow"), No::Expired),
        ("exp", Value::Null, No::Expired),
        ("iat", json!(s - 301), No::NotJustIssued),
        ("iat", json!(s + 31), No::NotJustIssued),
        ("iat", Value::Null, No::NotJustIssued),
        ("nbf", json!(s + 31), No::NotJustIssued),
        ("nbf", json!("now"), No::NotJustIssued),
        ("nonce", json!("n-2"), No::OtherNonce),
        ("nonce", json!(["n-1"]), No::OtherNonce),
        ("nonce", Value::Null, No::OtherNonce),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), No::OtherAccessToken),
        ("at_hash", json!(""), No::OtherAccessToken),
        ("auth_time", json!(s - 301), No::NotRecent),
        ("auth_time", json!(s + 31), No::NotRecent),
        ("auth_time", json!("recently"), No::NotRecent),
        ("auth_time", Value::Null, No::NotRecent),
        ("sub", json!(""), No::NobodyNamed),
        ("sub", json!(7), No::NobodyNamed),
        ("sub", Value::Null, No::NobodyNamed),
    ] {
        let answer = log_in(&issuer(), &changed(claim, value.clone()));
        assert_eq!(answer.err(), Some(refused), "{claim} {value}");
        assert!(!refused.why().is_empty());
    }
    for (claim, value) in [
        ("aud", json!(["ciba-page"])),
        ("azp", Value::Null),
        ("exp", json!(s - 29)),
        ("iat", json!(s + 30)),
        ("auth_time", json!(s - 300)),
        ("acr", Value::Null),
    ] {
        assert!(log_in(&issuer(), &changed(claim, value.clone())).is_ok(), "{claim} {value}");
    }
}

/// OIDC Core §3.1.3.6
#[test]
fn at_hash_is_the_left_half_of_the_access_tokens_hash() {
    let session = |text: &str| log_in(&issuer(), &changed("at_hash", json!(text)));
    // SHA-256 of `access`.
    assert!(session(&half(JwsAlgorithm::ES256, "access")).is_ok());
    assert_eq!(half(JwsAlgorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y").len(), 22);
    // The example of OIDC Core A.3.
    let example = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(half(JwsAlgorithm::RS256, example), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half(JwsAlgorithm::EdDSA, "access").len(), 43, "half of SHA-512");
}

#[test]
fn an_address_that_is_not_verified_names_nobody() {
    let by_email = LoginIssuer { person_claim: "email".to_owned(), ..issuer() };
    let mut claims = changed("email", json!("alice@example.com"));
    assert_eq!(log_in(&by_email, &claims).unwrap_err(), IdTokenRefused::NobodyNamed);
    claims["email_verified"] = json!("true");
    assert_eq!(log_in(&by_email, &claims).unwrap_err(), IdTokenRefused::NobodyNamed);
    claims["email_verified"] = json!(true);
    assert!(log_in(&by_email, &claims).is_ok());
}

#[test]
fn an_issuer_without_login_in_the_browser_logs_nobody_in() {
    let api_only = LoginIssuer { browser: None, ..issuer() };
    assert_eq!(log_in(&api_only, &claims()).unwrap_err(), IdTokenRefused::OtherAudience);
    assert_eq!(log_in(&api_only, &changed("aud", Value::Null)).unwrap_err(), IdTokenRefused::OtherAudience);
}
