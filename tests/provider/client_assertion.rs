//! `private_key_jwt` (RFC 7523, requirements C.3): one valid assertion, one change, one fact.

mod key_sets;
mod rules;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, Settings, at, form, form_request};
use serde_json::{Value, json};

use crate::foreign_issuer::{Key, change};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const UNAUTHENTICATED: (u16, &str) = (401, "invalid_client");

/// A provider with the client `teller`, and the key that it signs with.
pub(crate) struct Stand {
    pub provider: Provider,
    pub key: Key,
}

impl Stand {
    pub(crate) async fn new() -> Self {
        Self::with(Key::es256("one"), json!({}), &[]).await
    }

    /// `changes` are to the client's metadata.
    pub(crate) async fn with(key: Key, changes: Value, settings: Settings<'_>) -> Self {
        let settings = [&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")], settings].concat();
        let provider = Provider::with(&settings).await;
        register(&provider, "teller", &[&key], changes).await;
        Self { provider, key }
    }

    /// An assertion, good for the first minute; `changes` are to its claims.
    pub(crate) fn assertion(&self, changes: Value) -> String {
        self.signed_by(&self.key, changes)
    }

    pub(crate) fn signed_by(&self, key: &Key, changes: Value) -> String {
        key.sign(&key.header().to_string(), &claims(changes).to_string())
    }

    pub(crate) fn signed_claims(&self, claims: &Value) -> String {
        self.key.sign(&self.key.header().to_string(), &claims.to_string())
    }

    /// With these members of the header replaced.
    pub(crate) fn with_header(&self, changes: Value) -> String {
        let mut header = self.key.header();
        change(&mut header, changes);
        self.key.sign(&header.to_string(), &claims(json!({})).to_string())
    }

    pub(crate) async fn ask(&self, assertion: &str, now: Timestamp) -> Answer {
        self.provider.call(&self.provider.backchannel_authentication, &asking(assertion, &[]), now).await
    }

    /// Refused at once and without a trace: nothing is used up by it.
    pub(crate) async fn assert_refused(&self, what: &str, assertion: &str) {
        let before = (self.provider.traces().await, self.provider.items_under("jti#").await);
        let answer = self.ask(assertion, at(1.0)).await;
        assert_eq!(answer.refusal(), UNAUTHENTICATED, "{what}");
        let after = (self.provider.traces().await, self.provider.items_under("jti#").await);
        assert_eq!(after, before, "{what}");
    }
}

/// Registers a client of these keys.
pub(crate) async fn register(provider: &Provider, id: &str, keys: &[&Key], changes: Value) {
    let jwks: Vec<_> = keys.iter().map(|key| key.jwk.clone()).collect();
    let mut metadata = json!({"client_id": id, "client_secret": null, "jwks": {"keys": jwks},
        "token_endpoint_auth_method": "private_key_jwt"});
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    provider.register(metadata).await.expect(id);
}

/// What `teller` says in an assertion for the first minute.
pub(crate) fn claims(changes: Value) -> Value {
    let mut claims = json!({"iss": "teller", "sub": "teller", "aud": Provider::ISSUER, "jti": "assertion-1",
        "iat": at(0.0).seconds(), "exp": at(60.0).seconds()});
    change(&mut claims, changes);
    claims
}

/// A form with an assertion, and nothing else that authenticates.
pub(crate) fn asserted(path: &str, assertion: &str, parameters: &[(&str, &str)]) -> Request {
    let credential = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    form_request(path, None, &form(&[&credential, parameters].concat()))
}

fn asking(assertion: &str, parameters: &[(&str, &str)]) -> Request {
    let usual = [("scope", "openid"), ("login_hint", "alice")];
    asserted("/bc-authorize", assertion, &[&usual, parameters].concat())
}
