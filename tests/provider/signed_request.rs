//! Signed authentication requests (CIBA §7.1.1): one valid request, one change, one fact.

mod evidence;
mod rules;

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, Settings, at, basic, form, form_request};
use serde_json::{Value, json};

use crate::foreign_issuer::{Key, change};

const INVALID: (u16, &str) = (400, "invalid_request");

/// A provider whose client `kiosk` signs its requests.
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
        register(&provider, &[&key], changes).await;
        Self { provider, key }
    }

    /// A signed request for `alice`; `changes` are to its claims.
    pub(crate) fn request(&self, changes: Value) -> String {
        self.signed_by(&self.key, changes)
    }

    pub(crate) fn signed_by(&self, key: &Key, changes: Value) -> String {
        key.sign(&key.header().to_string(), &claims(changes).to_string())
    }

    /// With these members of the header replaced.
    pub(crate) fn with_header(&self, changes: Value, claims: &Value) -> String {
        let mut header = self.key.header();
        change(&mut header, changes);
        self.key.sign(&header.to_string(), &claims.to_string())
    }

    pub(crate) async fn ask(&self, request: &str, now: Timestamp) -> Answer {
        self.send(&posted(request, &[]), now).await
    }

    async fn send(&self, request: &Request, now: Timestamp) -> Answer {
        self.provider.call(&self.provider.backchannel_authentication, request, now).await
    }

    /// Refused at once and without a trace: nothing is used up by it, and nothing kept.
    pub(crate) async fn assert_refused(&self, what: &str, request: &str) {
        self.assert_answered(what, &posted(request, &[]), INVALID).await;
    }

    async fn assert_answered(&self, what: &str, request: &Request, expected: (u16, &str)) {
        let left = async || {
            let provider = &self.provider;
            let (guards, evidence) =
                (provider.items_under("jti#").await, provider.items_under("evidence#").await);
            (provider.traces().await, guards.len(), evidence.len())
        };
        let before = left().await;
        let answer = self.send(request, at(1.0)).await;
        assert_eq!(answer.refusal(), expected, "{what}: {answer:?}");
        assert_eq!(left().await, before, "{what}");
    }
}

async fn register(provider: &Provider, keys: &[&Key], changes: Value) {
    let jwks: Vec<_> = keys.iter().map(|key| key.jwk.clone()).collect();
    let mut metadata = json!({"client_id": "kiosk", "jwks": {"keys": jwks},
        "backchannel_authentication_request_signing_alg": keys[0].alg});
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    provider.register(metadata).await.expect("kiosk");
}

/// What `kiosk` asks, good for five minutes.
pub(crate) fn claims(changes: Value) -> Value {
    let s = at(0.0).seconds();
    let mut claims = json!({"iss": "kiosk", "aud": Provider::ISSUER, "iat": s, "nbf": s, "exp": s + 300,
        "jti": "request-1", "scope": "openid profile", "login_hint": "alice"});
    change(&mut claims, changes);
    claims
}

/// `kiosk` posts a signed request, with these parameters beside it.
pub(crate) fn posted(request: &str, beside: &[(&str, &str)]) -> Request {
    let body = form(&[&[("request", request)], beside].concat());
    form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body)
}
