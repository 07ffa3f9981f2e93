//! Access tokens that are bound to a key (DPoP, RFC 9449; requirements D.4).

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{CIBA, posted, posted_by, refused, send};
use crate::foreign_issuer::Key;
use crate::prover::{Prover, with_proof};

const PATH: &str = "/oauth/token";

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("a JWT");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

fn poll(auth_req_id: &str) -> Request {
    posted(&[("grant_type", CIBA), ("auth_req_id", auth_req_id)])
}

/// A poll of `kiosk` with a new proof, with these claims beside the usual ones.
async fn proven_poll(
    provider: &Provider,
    prover: &Prover,
    auth_req_id: &str,
    claims: Value,
    now: Timestamp,
) -> Answer {
    let proof = prover.proof("POST", PATH, now, claims);
    send(provider, &with_proof(poll(auth_req_id), &proof), now).await
}

async fn approved(provider: &Provider) -> String {
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    auth_req_id
}

fn nonce(answer: &Answer) -> &str {
    let mut nonces = answer.headers.iter().filter(|(name, _)| name == "dpop-nonce");
    let (_, nonce) = nonces.next().unwrap_or_else(|| panic!("no nonce in {answer:?}"));
    assert!(nonces.next().is_none(), "{answer:?}");
    // NQCHAR (RFC 9449 §8.1).
    assert!(nonce.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{nonce}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    nonce
}

/// TOK-4-08, TOK-2-01, FCIBA-19
#[tokio::test]
async fn a_proof_binds_the_access_token_to_its_key() {
    let provider = Provider::start().await;
    let prover = Prover::new();
    let id = approved(&provider).await;
    let tokens = proven_poll(&provider, &prover, &id, json!({}), at(5.0)).await;
    assert_eq!((tokens.status, &tokens.body["token_type"]), (200, &json!("DPoP")), "{tokens:?}");
    let access = claims(tokens.text("access_token"));
    assert_eq!(access["cnf"], json!({"jkt": prover.thumbprint()}));
    assert_eq!(claims(tokens.text("id_token"))["cnf"], json!(null), "nobody presents it");
}

/// TOK-4-02, TOK-4-16
#[tokio::test]
async fn a_proof_is_signed_with_one_of_the_advertised_algorithms() {
    let provider = Provider::start().await;
    let metadata = ciba_tests::request("GET", "/.well-known/openid-configuration", &[], "");
    let metadata = provider.call(&provider.discovery, &metadata, at(0.0)).await;
    assert_eq!(
        metadata.body["dpop_signing_alg_values_supported"],
        json!(["ES256", "PS256", "EdDSA", "Ed25519"])
    );
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let keys = [Key::es256("1"), Key::ps256("1"), Key::ed_dsa("1"), Key::rs256("1")];
    for (key, expected) in keys.into_iter().zip([
        "authorization_pending",
        "authorization_pending",
        "authorization_pending",
        "invalid_dpop_proof",
    ]) {
        let prover = Prover::of(key);
        let answer = proven_poll(&provider, &prover, &id, json!({}), at(5.0)).await;
        let found = answer.text("error").replace("slow_down", "authorization_pending");
        assert_eq!(found, expected, "{}", prover.key.alg);
    }
}

/// TOK-4-15
#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_nothing_without_a_proof() {
    let provider = Provider::start().await;
    let id = approved(&provider).await;
    // It is at hand in the warm function as a client that needs no proof, and is read afresh at the end.
    send(&provider, &poll("forged"), at(4.0)).await;
    provider.register(json!({"client_id": "kiosk", "dpop_bound_access_tokens": true})).await.expect("kiosk");
    refused(&provider, &poll(&id), at(5.0), (400, "invalid_request")).await;
    // Now it is known.
    refused(&provider, &poll(&id), at(70.0), (400, "invalid_request")).await;
    let tokens = proven_poll(&provider, &Prover::new(), &id, json!({}), at(71.0)).await;
    assert_eq!(tokens.status, 200, "the approval stands: {tokens:?}");
}

/// TOK-4-19, TOK-4-09: neither is the poll's time used up, nor the approval.
#[tokio::test]
async fn a_nonce_retry_is_not_a_too_fast_poll() {
    let provider = Provider::with(&[("DPOP_NONCE_REQUIRED", "true")]).await;
    let prover = Prover::new();
    let (id, request) = provider.asked(&[], at(0.0)).await;
    let without = async |now: Timestamp| {
        let proof = prover.proof("POST", PATH, now, json!({}));
        refused(&provider, &with_proof(poll(&id), &proof), now, (400, "use_dpop_nonce")).await
    };
    let first = without(at(5.0)).await;
    let pending = proven_poll(&provider, &prover, &id, json!({"nonce": nonce(&first)}), at(5.0)).await;
    assert_eq!(pending.refusal(), (400, "authorization_pending"));
    provider.approve(&request, at(6.0)).await;
    let second = without(at(10.0)).await;
    let tokens = proven_poll(&provider, &prover, &id, json!({"nonce": nonce(&second)}), at(10.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
}

/// TOK-4-19: a nonce that is too old is as little a poll as none.
#[tokio::test]
async fn an_old_or_foreign_nonce_is_replaced_and_uses_nothing_up() {
    let provider = Provider::start().await;
    let prover = Prover::new();
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let pending = proven_poll(&provider, &prover, &id, json!({}), at(5.0)).await;
    let old = nonce(&pending).to_owned();
    assert_eq!(
        proven_poll(&provider, &prover, &id, json!({ "nonce": old }), at(304.0)).await.refusal(),
        (400, "expired_token"),
        "it counts for 300 s, the request for less"
    );
    let (id, _) = provider.asked(&[], at(300.0)).await;
    for (nonce, now) in [(old.as_str(), at(305.0)), (id.as_str(), at(305.0)), ("", at(305.0))] {
        let proof = prover.proof("POST", PATH, now, json!({ "nonce": nonce }));
        refused(&provider, &with_proof(poll(&id), &proof), now, (400, "use_dpop_nonce")).await;
    }
}

/// TOK-4-11: a client that polls on never has to come twice.
#[tokio::test]
async fn each_answer_to_a_proof_has_the_nonce_of_the_next() {
    let provider = Provider::with(&[("DPOP_NONCE_REQUIRED", "true")]).await;
    let prover = Prover::new();
    let (id, request) = provider.asked(&[], at(0.0)).await;
    let mut answer = proven_poll(&provider, &prover, &id, json!({}), at(5.0)).await;
    for (seconds, expected) in
        [(6.0, "authorization_pending"), (7.0, "slow_down"), (20.0, "authorization_pending")]
    {
        let nonce = nonce(&answer).to_owned();
        answer = proven_poll(&provider, &prover, &id, json!({ "nonce": nonce }), at(seconds)).await;
        assert_eq!(answer.refusal(), (400, expected));
    }
    provider.approve(&request, at(21.0)).await;
    let nonce_of_the_last = nonce(&answer).to_owned();
    let tokens = proven_poll(&provider, &prover, &id, json!({ "nonce": nonce_of_the_last }), at(30.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    nonce(&tokens);
    let plain = send(&provider, &poll(&id), at(31.0)).await;
    assert_eq!(plain.header("dpop-nonce"), None, "who sends no proof needs no nonce");
}

/// TOK-4-01 to TOK-4-07, HYG-3-05, CAUTH-3-16
#[tokio::test]
async fn a_bad_proof_is_invalid_and_uses_nothing_up() {
    let provider = Provider::start().await;
    let (prover, other, now) = (Prover::new(), Prover::new(), at(5.0));
    let id = approved(&provider).await;
    let good = || prover.proof("POST", PATH, now, json!({}));
    let claiming = |changes: Value| prover.proof("POST", PATH, now, changes);
    let headed = |changes: Value| {
        let (mut header, claims) = prover.parts("POST", PATH, now);
        for (name, value) in changes.as_object().expect("an object") {
            header[name] = value.clone();
        }
        prover.key.sign(&header.to_string(), &claims.to_string())
    };
    let mut private = prover.key.jwk.clone();
    private["d"] = "AQAB".into();
    let (header, payload) = prover.parts("POST", PATH, now);
    let under_a_known_secret = {
        let key = Key::hs256("1", b"secret");
        let jwk = json!({"kty": "oct", "k": "c2VjcmV0"});
        key.sign(&json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}).to_string(), &payload.to_string())
    };
    let mut unsigned = header.clone();
    unsigned["alg"] = "none".into();
    let twice = header.to_string().replacen('{', r#"{"typ":"dpop+jwt","#, 1);
    let bad = [
        String::new(),
        "a.b.c".to_owned(),
        format!("{},{}", good(), good()),
        format!("{} ", good()),
        format!("{}A", good()),
        "A".repeat(4097),
        headed(json!({"typ": "JWT"})),
        headed(json!({"typ": "at+jwt"})),
        headed(json!({"typ": null})),
        headed(json!({"alg": "EdDSA"})),
        headed(json!({"jwk": null})),
        headed(json!({"jwk": other.key.jwk})),
        headed(json!({"jwk": private})),
        headed(json!({"crit": ["b64"], "b64": true})),
        prover.key.sign(&twice, &payload.to_string()),
        prover.key.sign(&unsigned.to_string(), &payload.to_string()),
        under_a_known_secret,
        claiming(json!({"jti": null})),
        claiming(json!({"jti": "a".repeat(257)})),
        claiming(json!({"htm": "GET"})),
        claiming(json!({"htu": "http://localhost:9000/oauth/introspect"})),
        claiming(json!({"htu": "https://localhost:9000/oauth/token"})),
        claiming(json!({"iat": null})),
        claiming(json!({"iat": now.seconds() - 90})),
        claiming(json!({"iat": now.seconds() + 31})),
        claiming(json!({"nonce": 1})),
    ];
    for proof in &bad {
        refused(&provider, &with_proof(poll(&id), proof), now, (400, "invalid_dpop_proof")).await;
    }
    // Another name of the host is another URL, whoever sends it as Host.
    let elsewhere = claiming(json!({"htu": "http://attacker.example/oauth/token"}));
    let mut request = with_proof(poll(&id), &elsewhere);
    request.headers_mut().insert("host", "attacker.example".parse().expect("a value"));
    refused(&provider, &request, now, (400, "invalid_dpop_proof")).await;
    let mut two = with_proof(poll(&id), &good());
    two.headers_mut().append("dpop", good().parse().expect("a value"));
    refused(&provider, &two, now, (400, "invalid_dpop_proof")).await;
    assert_eq!(proven_poll(&provider, &prover, &id, json!({}), now).await.status, 200, "the approval stands");
}

/// TOK-4-06: another client cannot send it again.
#[tokio::test]
async fn a_proof_is_accepted_once_even_in_parallel() {
    let provider = Provider::start().await;
    let prover = Prover::new();
    let (id, _) = provider.asked(&[], at(0.0)).await;
    let proof = prover.proof("POST", PATH, at(5.0), json!({}));
    let all =
        join_all((0..10).map(|_| async { send(&provider, &with_proof(poll(&id), &proof), at(5.0)).await }));
    let codes: Vec<_> = all.await.iter().map(|answer| answer.text("error").to_owned()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "authorization_pending").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "invalid_dpop_proof").count(), 9, "{codes:?}");

    let by_another = with_proof(posted_by("call-centre", SECRET, &id), &proof);
    assert_eq!(send(&provider, &by_another, at(6.0)).await.refusal(), (400, "invalid_dpop_proof"));
    // Another key's `jti` of the same text is another one.
    let same = json!({"jti": "proof-0"});
    let answer = proven_poll(&provider, &Prover::new(), &id, same, at(11.0)).await;
    assert_eq!(answer.refusal(), (400, "authorization_pending"));

    // However long the guard lies: without it the proof is too old.
    provider.sweep(at(95.1)).await;
    let late = with_proof(poll(&id), &proof);
    assert_eq!(send(&provider, &late, at(95.0)).await.refusal(), (400, "invalid_dpop_proof"));
    let guards = provider.items_under("jti#").await;
    assert!(guards.iter().all(|guard| guard["sk"] == "jti" && !guard.to_string().contains("proof-0")));
}

/// TOK-3-12, TOK-5-05: each access token is bound to what is shown for it.
#[tokio::test]
async fn a_refresh_binds_the_access_token_to_the_key_that_it_shows() {
    let provider = Provider::start().await;
    let scope = "openid profile email offline_access";
    let teller = json!({"client_id": "kiosk", "grant_types": [CIBA, "refresh_token"], "scope": scope});
    provider.register(teller).await.expect("kiosk");
    let (id, request) = provider.asked(&[("scope", "openid offline_access")], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    let (first, second) = (Prover::new(), Prover::new());
    let mut tokens = proven_poll(&provider, &first, &id, json!({}), at(5.0)).await;
    for (prover, seconds) in [(Some(&second), 30.0), (None, 60.0), (Some(&first), 90.0)] {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
        let request = form_request(PATH, Some(&basic("kiosk", SECRET)), &form(&parameters));
        let request = match prover {
            Some(prover) => with_proof(request, &prover.proof("POST", PATH, at(seconds), json!({}))),
            None => request,
        };
        tokens = send(&provider, &request, at(seconds)).await;
        let expected = prover.map_or((json!("Bearer"), json!(null)), |prover| {
            (json!("DPoP"), json!({"jkt": prover.thumbprint()}))
        });
        let cnf = claims(tokens.text("access_token"))["cnf"].clone();
        assert_eq!((tokens.body["token_type"].clone(), cnf), expected, "{tokens:?}");
    }
}

/// TOK-4-19, TOK-3-09: a refresh token is not used by whoever has to come again.
#[tokio::test]
async fn a_refresh_without_a_nonce_uses_nothing_up() {
    let provider = Provider::with(&[("DPOP_NONCE_REQUIRED", "true")]).await;
    let teller = json!({"client_id": "kiosk", "grant_types": [CIBA, "refresh_token"],
        "scope": "openid profile offline_access", "dpop_bound_access_tokens": true});
    provider.register(teller).await.expect("kiosk");
    let (id, request) = provider.asked(&[("scope", "openid offline_access")], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    let prover = Prover::new();
    let first = proven_poll(&provider, &prover, &id, json!({}), at(5.0)).await;
    let tokens = proven_poll(&provider, &prover, &id, json!({"nonce": nonce(&first)}), at(5.0)).await;
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = || posted(&parameters);
    refused(&provider, &refresh(), at(9.0), (400, "invalid_request")).await;
    let proof = prover.proof("POST", PATH, at(9.0), json!({}));
    let again = refused(&provider, &with_proof(refresh(), &proof), at(9.0), (400, "use_dpop_nonce")).await;
    let proof = prover.proof("POST", PATH, at(9.0), json!({"nonce": nonce(&again)}));
    let tokens = send(&provider, &with_proof(refresh(), &proof), at(9.0)).await;
    assert_eq!((tokens.status, &tokens.body["token_type"]), (200, &json!("DPoP")), "{tokens:?}");
}
