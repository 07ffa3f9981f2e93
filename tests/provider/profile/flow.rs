//! A sign-in under the profile, from a signed request to tokens that are bound, and what it does not get without.

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, at};
use serde_json::{Value, json};

use crate::client_assertion::{self, asserted};
use crate::foreign_issuer::{Key, change, decode};
use crate::prover::{Prover, with_proof};
use crate::signed_request;

const ASKED: (&str, &str) = ("grant_type", "urn:openid:params:grant-type:ciba");

/// A provider with the client `bank`, which is held to the profile, and the key that it signs with.
struct Bank {
    provider: Provider,
    key: Key,
    prover: Prover,
}

impl Bank {
    /// `changes` are to its metadata.
    async fn new(changes: Value) -> Self {
        let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
        let key = Key::es256("one");
        let mut metadata = json!({
            "client_id": "bank", "profile": "fapi-ciba", "client_secret": null, "jwks": {"keys": [key.jwk]},
            "token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": true,
            "backchannel_authentication_request_signing_alg": "ES256",
            "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
            "scope": "openid profile offline_access",
        });
        for (name, value) in changes.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        provider.register(metadata).await.expect("bank");
        Self { provider, key, prover: Prover::new() }
    }

    fn assertion(&self, jti: &str, now: f64) -> String {
        let own = json!({"iss": "bank", "sub": "bank", "jti": jti, "iat": at(now).seconds(), "exp": at(now + 60.0).seconds()});
        self.key.sign(&self.key.header().to_string(), &client_assertion::claims(own).to_string())
    }

    /// A signed request at the beginning; `changes` are to its claims.
    async fn ask(&self, jti: &str, changes: Value) -> Answer {
        let mut claims = signed_request::claims(
            json!({"iss": "bank", "jti": jti, "scope": "openid profile offline_access",
            "binding_message": "K7-2931"}),
        );
        change(&mut claims, changes);
        let signed = self.key.sign(&self.key.header().to_string(), &claims.to_string());
        let request = asserted("/bc-authorize", &self.assertion(jti, 0.0), &[("request", &signed)]);
        self.provider.call(&self.provider.backchannel_authentication, &request, at(0.0)).await
    }

    /// A token request; with `nonce` it has a proof of possession, whose nonce may be empty.
    async fn tokens(&self, parameters: &[(&str, &str)], nonce: Option<&str>, now: f64) -> Answer {
        let request = asserted("/oauth/token", &self.assertion(&format!("token-{now}"), now), parameters);
        let request = match nonce {
            None => request,
            Some(nonce) => {
                let nonce = (!nonce.is_empty()).then_some(nonce);
                let proof = self.prover.proof("POST", "/oauth/token", at(now), json!({ "nonce": nonce }));
                with_proof(request, &proof)
            }
        };
        self.provider.call(&self.provider.token, &request, at(now)).await
    }

    /// The request that its person was told of last.
    fn request(&self) -> String {
        let text = self.provider.sns.messages().pop().expect("a message").text;
        text.rsplit('/').next().expect("a link").to_owned()
    }

    async fn approve(&self, now: Timestamp) -> Answer {
        let decision = json!({"client_id": "bank", "decision": "approve"});
        self.provider.decide("alice", &self.request(), decision, now).await
    }
}

fn claims(jwt: &str) -> Value {
    serde_json::from_slice(&decode(jwt.split('.').nth(1).expect("a JWT"))).expect("JSON")
}

/// FCIBA-01, FCIBA-04, FCIBA-06, FCIBA-09, FCIBA-19, FCIBA-20, FCIBA-24, TOK-4-19: it takes a signed request and a
/// proof, and gives bound tokens.
#[tokio::test]
async fn a_profile_sign_in_is_signed_proven_and_bound() {
    let bank = Bank::new(json!({"require_passkey": false})).await;
    let asked = bank.ask("one", json!({"acr_values": "urn:example:acr:mfa"})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let id = asked.text("auth_req_id").to_owned();
    assert_eq!(bank.approve(at(2.0)).await.status, 200);

    // Neither lack uses the approval up.
    let poll = [ASKED, ("auth_req_id", &id)];
    assert_eq!(bank.tokens(&poll, None, 5.0).await.refusal(), (400, "invalid_request"));
    let challenge = bank.tokens(&poll, Some(""), 5.1).await;
    assert_eq!(challenge.refusal(), (400, "use_dpop_nonce"));
    let nonce = challenge.header("dpop-nonce").expect("a nonce").to_owned();
    let tokens = bank.tokens(&poll, Some(&nonce), 5.2).await;
    assert_eq!((tokens.status, tokens.text("token_type")), (200, "DPoP"), "{tokens:?}");
    let jkt = json!({"jkt": bank.prover.thumbprint()});
    assert_eq!(claims(tokens.text("access_token"))["cnf"], jkt);
    assert_eq!(claims(tokens.text("id_token"))["acr"], "urn:example:acr:mfa");

    // The refresh token stays the same one, and what it brings is bound again.
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    assert_eq!(bank.tokens(&refresh, None, 20.0).await.refusal(), (400, "invalid_request"));
    let refreshed = bank.tokens(&refresh, Some(&nonce), 20.1).await;
    assert_eq!(refreshed.text("refresh_token"), tokens.text("refresh_token"));
    assert_eq!(claims(refreshed.text("access_token"))["cnf"], jkt);
}

/// FCIBA-02
#[tokio::test]
async fn under_the_profile_a_request_says_what_it_is_about() {
    let bank = Bank::new(json!({})).await;
    let before = bank.provider.traces().await;
    let silent = bank.ask("one", json!({"binding_message": null})).await;
    assert_eq!(silent.refusal(), (400, "invalid_request"));
    assert!(
        silent.text("error_description").contains("binding_message or authorization_details"),
        "{silent:?}"
    );
    assert_eq!(bank.provider.traces().await, before);
    assert_eq!(bank.ask("two", json!({})).await.status, 200);
}

/// FCIBA-02, FCIBA-14: details say more than a message does.
#[tokio::test]
async fn under_the_profile_authorization_details_stand_for_a_message() {
    let bank = Bank::new(json!({"authorization_details_types": ["payment"]})).await;
    bank.provider.put_detail_type(&crate::authorization_details::payment()).await;
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let asked = bank.ask("one", json!({"binding_message": null, "authorization_details": details})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
}

/// FCIBA-08: the registration may say otherwise.
#[tokio::test]
async fn under_the_profile_a_passkey_approves_by_default() {
    let strong = Bank::new(json!({})).await;
    assert_eq!(strong.ask("one", json!({})).await.status, 200);
    assert_eq!(strong.approve(at(2.0)).await.refusal().0, 403);
    let by_the_login = Bank::new(json!({"require_passkey": false})).await;
    assert_eq!(by_the_login.ask("one", json!({})).await.status, 200);
    assert_eq!(by_the_login.approve(at(2.0)).await.status, 200);
}
