//! The tokens (CIBA §10.1.1; requirements D.1, D.2), verified as a client and an API would.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_tests::{Answer, Provider, SECRET, START, at, form, form_request, json_request, request};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::{posted_by, send};

/// Header and claims of a token whose signature verifies with the one published key that it names.
pub(crate) async fn verified(provider: &Provider, token: &str) -> (Value, Value) {
    let get = request("GET", "/.well-known/jwks.json", &[], ());
    let published = provider.call(&provider.jwks, &get, at(0.0)).await;
    let keys: JwkSet = serde_json::from_value(published.body).expect("a JWKS");

    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let header = URL_SAFE_NO_PAD.decode(parts[0]).expect("base64url without padding");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    let key = keys.find(header["kid"].as_str().expect("a kid")).expect("a published key");
    let algorithm: Algorithm = header["alg"].as_str().expect("an algorithm").parse().expect("a known one");
    let length = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64url").len();
    let expected = if matches!(algorithm, Algorithm::RS256 | Algorithm::PS256) { 256 } else { 64 };
    assert_eq!(length, expected, "raw, not DER (HYG-3-14)");
    let mut validation = Validation::new(algorithm);
    // The test's time is not the clock's; the test looks at the claims itself.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_jwk(key).expect("a key");
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).expect("a signature").claims;
    (header, claims)
}

/// What `kiosk` gets at 10 s, where `alice` logged in as `login` says and approved at 7 s.
async fn tokens(
    provider: &Provider,
    parameters: &[(&str, &str)],
    login: Value,
    decision: Value,
) -> (String, Answer) {
    let (id, link) = provider.asked(parameters, at(0.0)).await;
    let login = provider.login_token("alice", at(7.0), login);
    let body = decision.to_string();
    let decide = json_request("POST", &format!("/consent/{link}/decision"), Some(&login), &body);
    let decided = provider.call(&provider.consent, &decide, at(7.0)).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    let answer = provider.poll(&id, at(10.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (id, answer)
}

fn approval() -> Value {
    json!({"client_id": "kiosk", "decision": "approve"})
}

fn seconds_after(seconds: i64) -> Value {
    (START.seconds() + seconds).into()
}

/// CIBA-10.1.1-01, CIBA-10.1.1-04, TOK-2-01, TOK-2-02, TOK-2-03, HYG-1-08
#[tokio::test]
async fn a_token_response_has_four_members_and_nobody_may_keep_it() {
    let provider = Provider::start().await;
    let (_, answer) = tokens(&provider, &[], json!({}), approval()).await;
    let (access, id) = (answer.text("access_token"), answer.text("id_token"));
    let whole = json!({"access_token": access, "token_type": "Bearer", "expires_in": 600, "id_token": id});
    assert_eq!(answer.body, whole, "no scope: all of it was approved");
    for (name, value) in
        [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")]
    {
        assert_eq!(answer.header(name), Some(value));
    }
}

/// TOK-1-01, TOK-1-03, TOK-1-04, TOK-1-05, TOK-1-07, TOK-1-08, TOK-1-09, TOK-1-12, CIBA-10.1.1-05
#[tokio::test]
async fn an_id_token_says_who_logged_in_when_and_how_and_nothing_else() {
    let provider = Provider::start().await;
    // Neither when the request was made, nor when it was decided or collected.
    let login = json!({"auth_time": START.seconds() - 100});
    let (id, answer) = tokens(&provider, &[("nonce", "n-0S6_WzA2Mj")], login, approval()).await;
    let (header, claims) = verified(&provider, answer.text("id_token")).await;
    assert_eq!(header, json!({"typ": "JWT", "alg": "ES256", "kid": header["kid"]}));
    let half = &digest(&SHA256, answer.text("access_token").as_bytes()).as_ref()[..16].to_vec();
    let expected = json!({
        "iss": Provider::ISSUER,
        "sub": "alice",
        "aud": "kiosk",
        "iat": seconds_after(10),
        "exp": seconds_after(310),
        "auth_time": seconds_after(-100),
        "acr": "urn:example:acr:mfa",
        "amr": ["pwd", "otp"],
        "at_hash": URL_SAFE_NO_PAD.encode(half),
        "urn:openid:params:jwt:claim:auth_req_id": id,
    });
    assert_eq!(claims, expected);
}

/// TOK-2-04, TOK-2-05, TOK-2-06, TOK-2-07, TOK-2-09
#[tokio::test]
async fn an_access_token_is_one_of_rfc_9068_and_has_nothing_personal() {
    let provider = Provider::start().await;
    let login = json!({"auth_time": START.seconds() - 100});
    let (_, answer) = tokens(&provider, &[], login, approval()).await;
    let (header, claims) = verified(&provider, answer.text("access_token")).await;
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "ES256", "kid": header["kid"]}));
    let expected = json!({
        "iss": Provider::ISSUER,
        "sub": "alice",
        "aud": Provider::ISSUER,
        "client_id": "kiosk",
        "iat": seconds_after(10),
        "exp": seconds_after(610),
        "jti": claims["jti"],
        "scope": "openid profile",
        "auth_time": seconds_after(-100),
        "acr": "urn:example:acr:mfa",
        "amr": ["pwd", "otp"],
    });
    assert_eq!(claims, expected);
}

/// TOK-2-07
#[tokio::test]
async fn an_access_tokens_audience_is_the_clients_configured_one() {
    let provider = Provider::start().await;
    let credentials = [("client_id", "call-centre"), ("client_secret", SECRET)];
    let parameters = [credentials, [("scope", "openid"), ("login_hint", "alice")]].concat();
    let ask = form_request("/bc-authorize", None, &form(&parameters));
    let asked = provider.call(&provider.backchannel_authentication, &ask, at(0.0)).await;
    let link = provider.sns.messages().pop().expect("a message").text;
    let request = link.rsplit('/').next().expect("a request");
    let approval = json!({"client_id": "call-centre", "decision": "approve"});
    assert_eq!(provider.decide("alice", request, approval, at(1.0)).await.status, 200);
    let poll = posted_by("call-centre", SECRET, asked.text("auth_req_id"));
    let answer = send(&provider, &poll, at(5.0)).await;
    let (_, claims) = verified(&provider, answer.text("access_token")).await;
    assert_eq!(
        (&claims["aud"], &claims["client_id"]),
        (&json!("https://api.example"), &json!("call-centre"))
    );
    let (_, claims) = verified(&provider, answer.text("id_token")).await;
    assert_eq!(claims["aud"], "call-centre");
}

/// TOK-1-02: ours, not what the login issuer calls the person, and not what the client did.
#[tokio::test]
async fn sub_is_this_providers_name_for_the_person() {
    let provider = Provider::start().await;
    let carol = json!({
        "login": {"iss": provider.login.issuer(), "value": "c-77"},
        "hints": {"email": ["carol@example.com"], "plain": []},
        "channels": [{"sms": "+15555550102"}],
    });
    provider.enroll("carol", carol).await.expect("carol");
    let (id, request) = provider.asked(&[("login_hint", "email:carol@example.com")], at(0.0)).await;
    let decided = provider.decide("c-77", &request, json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    let answer = provider.poll(&id, at(5.0)).await;
    for token in ["id_token", "access_token"] {
        let (_, claims) = verified(&provider, answer.text(token)).await;
        assert_eq!(claims["sub"], "carol", "{token}");
        assert!(!claims.to_string().contains("c-77") && !claims.to_string().contains('@'), "{claims}");
    }
}

/// TOK-1-06, CIBA-7.1-12: never what the client asked for, only what the login was, by our own names.
#[tokio::test]
async fn acr_and_amr_that_are_not_mapped_are_left_out() {
    let provider = Provider::start().await;
    let login = json!({"acr": "urn:foreign", "amr": ["otp", "retina"]});
    let asked = [("acr_values", "urn:foreign urn:example:acr:mfa")];
    let (_, answer) = tokens(&provider, &asked, login, approval()).await;
    for token in ["id_token", "access_token"] {
        let (_, claims) = verified(&provider, answer.text(token)).await;
        assert_eq!((claims.get("acr"), &claims["amr"]), (None, &json!(["otp"])), "{token}");
    }
    let provider = Provider::start().await;
    let (_, answer) = tokens(&provider, &asked, json!({"acr": null, "amr": null}), approval()).await;
    for token in ["id_token", "access_token"] {
        let (_, claims) = verified(&provider, answer.text(token)).await;
        assert_eq!((claims.get("acr"), claims.get("amr")), (None, None), "{token}: no null, no empty list");
    }
}

/// TOK-2-03, ATK-8-05
#[tokio::test]
async fn a_narrowed_scope_is_returned_and_is_all_that_is_granted() {
    for (approved, returned) in
        [("openid", Some("openid")), ("email openid", Some("email openid")), ("email profile openid", None)]
    {
        let provider = Provider::start().await;
        let decision = json!({"client_id": "kiosk", "decision": "approve", "scope": approved});
        let (_, answer) = tokens(&provider, &[("scope", "openid profile email")], json!({}), decision).await;
        assert_eq!(answer.body.get("scope").and_then(Value::as_str), returned, "{approved}");
        let (_, claims) = verified(&provider, answer.text("access_token")).await;
        let values = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(values(claims["scope"].as_str().expect("a scope")), values(approved));
    }
}

/// TOK-1-15
#[tokio::test]
async fn the_lifetimes_are_settings() {
    let (_, answer) = tokens(&Provider::start().await, &[], json!({}), approval()).await;
    assert_eq!(answer.body["expires_in"], 600, "the default");
    let settings = [("ID_TOKEN_LIFETIME_SECONDS", "90"), ("ACCESS_TOKEN_LIFETIME_SECONDS", "61")];
    let provider = Provider::with(&settings).await;
    let (_, answer) = tokens(&provider, &[], json!({}), approval()).await;
    assert_eq!(answer.body["expires_in"], 61);
    for (token, lifetime) in [("id_token", 90), ("access_token", 61)] {
        let (_, claims) = verified(&provider, answer.text(token)).await;
        assert_eq!(claims["exp"], seconds_after(10 + lifetime), "{token}");
    }
}

/// TOK-2-10, CIBA-7.3-04
#[tokio::test]
async fn a_jti_is_unique_and_tells_no_name_of_the_request() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let (id, link) = provider.asked(&[], at(0.0)).await;
        provider.approve(&link, at(1.0)).await;
        let answer = provider.poll(&id, at(5.0)).await;
        let (_, claims) = verified(&provider, answer.text("access_token")).await;
        let jti = claims["jti"].as_str().expect("a jti").to_owned();
        assert!(
            jti.len() >= 44 && jti.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        );
        let bytes = URL_SAFE_NO_PAD.decode(&jti).expect("base64url");
        for name in [&id, &link] {
            assert!(!jti.contains(name.as_str()));
            let name = URL_SAFE_NO_PAD.decode(name).expect("base64url");
            assert!(!bytes.windows(4).any(|part| name.windows(4).any(|other| other == part)), "{jti}");
        }
        assert!(!answer.text("access_token").contains(&id));
        assert!(!claims.to_string().contains(&id), "the access token is shown to others");
        assert!(seen.insert(jti));
    }
}

/// HYG-2-03, HYG-5-01: what was issued is kept nowhere.
#[tokio::test]
async fn neither_tokens_nor_ids_are_in_the_table() {
    let provider = Provider::start().await;
    let (id, answer) = tokens(&provider, &[], json!({}), approval()).await;
    let (_, claims) = verified(&provider, answer.text("access_token")).await;
    let stored = Value::from(provider.items().await).to_string();
    let jti = claims["jti"].as_str().expect("a jti");
    for secret in [&*id, jti, answer.text("access_token"), answer.text("id_token"), SECRET] {
        assert!(!stored.contains(secret), "{secret}");
    }
}
