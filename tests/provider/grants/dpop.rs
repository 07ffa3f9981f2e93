//! Tokens that are bound to a key, at the resource and at introspection (RFC 9449 §6, §7; requirements D.4).

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::mutual_tls::{MTLS_URL, issued, over_mutual_tls};
use ciba_tests::{Answer, Provider, at, request};
use serde_json::{Value, json};

use super::{API, CIBA, introspect, posted, provider, tokens, userinfo};
use crate::prover::{Prover, hash, with_proof};

const PATH: &str = "/userinfo";

/// What `teller` gets at 5 s for what `alice` approved at 2 s, bound to the prover's key.
async fn bound(provider: &Provider, prover: &Prover, parameters: &[(&str, &str)]) -> Answer {
    let asked = provider.ask_as("teller", parameters, at(0.0)).await;
    let message = provider.sns.messages().pop().expect("a message").text;
    let request = message.rsplit('/').next().expect("a link");
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", request, body, at(2.0)).await.status, 200);
    let grant = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    let nonce = nonce(provider, at(5.0)).await;
    let proof = prover.proof("POST", "/oauth/token", at(5.0), json!({ "nonce": nonce }));
    let poll = with_proof(posted("/oauth/token", "teller", &grant), &proof);
    let tokens = provider.call(&provider.token, &poll, at(5.0)).await;
    assert_eq!((tokens.status, &tokens.body["token_type"]), (200, &json!("DPoP")), "{tokens:?}");
    tokens
}

/// A nonce, which is told whoever sends a proof, be it a bad one.
async fn nonce(provider: &Provider, now: Timestamp) -> String {
    let call = request("GET", PATH, &[("dpop", "a.b.c")], "");
    let answer = provider.call(&provider.userinfo, &call, now).await;
    answer.header("dpop-nonce").expect("a nonce").to_owned()
}

/// A call with this access token by this scheme.
fn call(method: &str, scheme: &str, access: &str) -> Request {
    request(method, PATH, &[("authorization", &format!("{scheme} {access}"))], "")
}

/// A call with this access token and a proof for it, with these claims instead of the usual ones.
async fn prove(provider: &Provider, prover: &Prover, access: &str, changes: Value, now: Timestamp) -> Answer {
    let mut claims = json!({"ath": hash(access)});
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let proof = prover.proof("GET", PATH, now, claims);
    provider.call(&provider.userinfo, &with_proof(call("GET", "DPoP", access), &proof), now).await
}

/// TOK-4-12, TOK-10-01
#[tokio::test]
async fn a_bound_token_counts_for_who_has_its_key() {
    let provider = provider().await;
    let prover = Prover::new();
    let tokens = bound(&provider, &prover, &[("scope", "openid profile")]).await;
    let access = tokens.text("access_token");
    let expected = json!({"sub": "alice", "name": "Alice Example"});
    for (method, scheme) in [("GET", "DPoP"), ("POST", "dpop")] {
        let proof = prover.proof(method, PATH, at(6.0), json!({"ath": hash(access)}));
        let call = with_proof(call(method, scheme, access), &proof);
        let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{method}");
        assert!(answer.header("dpop-nonce").is_some(), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// TOK-4-13: whoever has stolen it.
#[tokio::test]
async fn a_bound_token_counts_for_nobody_as_a_bearer_token() {
    let provider = provider().await;
    let prover = Prover::new();
    let tokens = bound(&provider, &prover, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    let proof = prover.proof("GET", PATH, at(6.0), json!({"ath": hash(access)}));
    for call in [call("GET", "Bearer", access), with_proof(call("GET", "Bearer", access), &proof)] {
        let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"));
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            r#"Bearer realm="userinfo", error="invalid_token", DPoP realm="userinfo", algs="ES256 PS256 EdDSA Ed25519""#
        );
    }
    // The proof was not looked at, and still counts.
    let call = with_proof(call("GET", "DPoP", access), &proof);
    assert_eq!(provider.call(&provider.userinfo, &call, at(6.0)).await.status, 200);
}

/// TOK-4-12: no proof changes that.
#[tokio::test]
async fn a_token_bound_to_nothing_or_another_key_is_invalid() {
    let provider = provider().await;
    let prover = Prover::new();
    let unbound = tokens(&provider, &[("scope", "openid")]).await;
    let anothers = bound(&provider, &Prover::new(), &[("scope", "openid")]).await;
    for tokens in [unbound, anothers] {
        let answer = prove(&provider, &prover, tokens.text("access_token"), json!({}), at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"));
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            r#"DPoP realm="userinfo", algs="ES256 PS256 EdDSA Ed25519", error="invalid_token""#
        );
    }
}

/// TOK-4-12, TOK-4-14, TOK-4-06
#[tokio::test]
async fn a_proof_that_is_not_for_this_call_and_token_is_challenged() {
    let provider = provider().await;
    let prover = Prover::new();
    let tokens = bound(&provider, &prover, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    for changes in [
        json!({"ath": null}),
        json!({"ath": hash("another")}),
        json!({"htm": "POST"}),
        json!({"htu": format!("{}/oauth/token", Provider::ISSUER)}),
        json!({"iat": at(6.0).seconds() - 90}),
        json!({"jti": null}),
    ] {
        let answer = prove(&provider, &prover, access, changes.clone(), at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_dpop_proof"), "{changes}");
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            r#"DPoP realm="userinfo", algs="ES256 PS256 EdDSA Ed25519", error="invalid_dpop_proof""#
        );
    }
    let without = provider.call(&provider.userinfo, &call("GET", "DPoP", access), at(6.0)).await;
    assert_eq!(without.refusal(), (401, "invalid_dpop_proof"));

    let once = json!({"jti": "once"});
    assert_eq!(prove(&provider, &prover, access, once.clone(), at(6.0)).await.status, 200);
    let again = prove(&provider, &prover, access, once, at(7.0)).await;
    assert_eq!(again.refusal(), (401, "invalid_dpop_proof"));
}

/// TOK-4-09, TOK-4-14, CAUTH-1-08: what the challenge says is also said in the body.
#[tokio::test]
async fn a_resource_asks_for_its_nonce_by_a_challenge() {
    let provider = Provider::with(&[("DPOP_NONCE_REQUIRED", "true")]).await;
    provider.register(super::teller(json!({}))).await.expect("teller");
    let prover = Prover::new();
    let tokens = bound(&provider, &prover, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    let before = provider.items_under("jti#").await.len();
    for changes in [json!({}), json!({"nonce": "made-up"})] {
        let answer = prove(&provider, &prover, access, changes, at(6.0)).await;
        assert_eq!(answer.refusal(), (401, "use_dpop_nonce"));
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert_eq!(
            challenge,
            r#"DPoP realm="userinfo", algs="ES256 PS256 EdDSA Ed25519", error="use_dpop_nonce""#
        );
        assert_eq!(answer.header("ciba-www-authenticate"), Some(challenge));
        assert_eq!(answer.text("algs"), "ES256 PS256 EdDSA Ed25519");
        let nonce = answer.header("dpop-nonce").expect("a nonce");
        assert_eq!(provider.items_under("jti#").await.len(), before, "nothing is used up");
        let claims = json!({"nonce": nonce, "jti": "the same"});
        let proven = prove(&provider, &Prover::new(), access, claims.clone(), at(6.0)).await;
        assert_eq!(proven.refusal(), (401, "invalid_token"), "another's key uses nothing up either");
    }
    let claims = json!({"nonce": nonce(&provider, at(6.0)).await});
    assert_eq!(prove(&provider, &prover, access, claims, at(6.0)).await.status, 200);
}

/// TOK-4-13
#[tokio::test]
async fn two_ways_to_authorise_one_call_are_refused() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", "openid")]).await;
    let access = tokens.text("access_token");
    let joined = format!("Bearer {access},DPoP {access}");
    let mut two = call("GET", "Bearer", access);
    two.headers_mut().append("authorization", format!("DPoP {access}").parse().expect("a value"));
    for call in [request("GET", PATH, &[("authorization", &joined)], ""), two] {
        let answer = provider.call(&provider.userinfo, &call, at(6.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
    }
}

/// TOK-4-17, TOK-2-01
#[tokio::test]
async fn a_resource_server_is_told_what_a_token_is_bound_to() {
    let provider = provider().await;
    let prover = Prover::new();
    let tokens = bound(&provider, &prover, &[("scope", "openid read"), ("resource", API)]).await;
    for client in ["teller", "api"] {
        let answer = introspect(&provider, client, tokens.text("access_token"), at(6.0)).await;
        assert_eq!(answer.body["active"], json!(true), "without a proof: {answer:?}");
        assert_eq!(answer.body["token_type"], json!("DPoP"));
        assert_eq!(answer.body["cnf"], json!({"jkt": prover.thumbprint()}));
    }
    assert_eq!(userinfo(&provider, tokens.text("access_token"), at(6.0)).await.status, 401);
}

/// TOK-5-06: both are in the token, and both have to be shown.
#[tokio::test]
async fn a_token_that_is_bound_to_a_key_and_a_certificate_takes_both() {
    let provider = Provider::with(&[MTLS_URL]).await;
    let both = json!({"dpop_bound_access_tokens": true, "tls_client_certificate_bound_access_tokens": true});
    provider.register(super::teller(both)).await.expect("teller");
    let (prover, certificate) = (Prover::new(), issued("Till 7", |_| {}));
    let at_host = |path: &str| json!({"htu": format!("{}{path}", MTLS_URL.1)});
    let asked = provider.ask_as("teller", &[("scope", "openid")], at(0.0)).await;
    let message = provider.sns.messages().pop().expect("a message").text;
    let link = message.rsplit('/').next().expect("a link");
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", link, body, at(2.0)).await.status, 200);
    let grant = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    let poll = async |is_proven: bool, certificate: Option<&[u8]>| {
        let mut poll = posted("/oauth/token", "teller", &grant);
        if is_proven {
            let proof = prover.proof("POST", "/oauth/token", at(5.0), at_host("/oauth/token"));
            poll = with_proof(poll, &proof);
        }
        provider.call(&provider.token, &over_mutual_tls(poll, certificate), at(5.0)).await
    };
    for (is_proven, certificate) in [(false, None), (true, None), (false, Some(certificate.as_slice()))] {
        assert_eq!(poll(is_proven, certificate).await.refusal(), (400, "invalid_request"));
    }
    let tokens = poll(true, Some(&certificate)).await;
    assert_eq!((tokens.status, &tokens.body["token_type"]), (200, &json!("DPoP")), "{tokens:?}");
    let access = tokens.text("access_token");
    let told = introspect(&provider, "teller", access, at(6.0)).await;
    let cnf = told.body["cnf"].as_object().expect("cnf").keys().cloned().collect::<Vec<_>>();
    assert_eq!(cnf, ["jkt", "x5t#S256"]);

    let other = issued("Till 7", |_| {});
    for (scheme, certificate, status) in [
        ("Bearer", Some(certificate.as_slice()), 401),
        ("DPoP", None, 401),
        ("DPoP", Some(other.as_slice()), 401),
        ("DPoP", Some(certificate.as_slice()), 200),
    ] {
        let mut claims = at_host(PATH);
        claims["ath"] = hash(access).into();
        let proof = prover.proof("GET", PATH, at(6.0), claims);
        let call = over_mutual_tls(with_proof(call("GET", scheme, access), &proof), certificate);
        assert_eq!(provider.call(&provider.userinfo, &call, at(6.0)).await.status, status, "{scheme}");
    }
}
