//! A login issuer of a test's own, and the calls that are made with its tokens.

use std::ops::Deref;

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, Settings, json_request};
use serde_json::{Value, json};

use crate::foreign_issuer::{ForeignIssuer, Key, change};

/// The issuer, and what it says of people.
pub(super) struct LoginIssuer(ForeignIssuer);

impl Deref for LoginIssuer {
    type Target = ForeignIssuer;

    fn deref(&self) -> &ForeignIssuer {
        &self.0
    }
}

impl LoginIssuer {
    pub(super) async fn start() -> Self {
        Self(ForeignIssuer::start().await)
    }

    /// Its element of `LOGIN_ISSUERS`; `changes` replaces members.
    pub(super) fn setting(&self, changes: Value) -> Value {
        let mut setting = json!({
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri(),
            "audience": {"claim": "aud", "value": "approval-app"},
            "required_claims": {"token_use": "access"},
            "scope": "ciba:decide",
            "algorithms": ["ES256"],
        });
        change(&mut setting, changes);
        setting
    }

    /// What it says of `carol`, who logged in at `now`; `changes` replaces claims, null removes one.
    pub(super) fn claims(&self, now: Timestamp, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "carol",
            "aud": "approval-app",
            "token_use": "access",
            "scope": "ciba:decide",
            "iat": now.seconds(),
            "exp": now.seconds() + 300,
            "auth_time": now.seconds(),
            "jti": "token-1",
        });
        change(&mut claims, changes);
        claims
    }

    pub(super) fn token(&self, now: Timestamp, changes: Value) -> String {
        self.signed_by(&self.key, self.claims(now, changes))
    }

    pub(super) fn signed_by(&self, key: &Key, claims: Value) -> String {
        self.0.signed_by(key, &claims)
    }

    /// A provider that knows this login issuer alone, and by it `carol`.
    pub(super) async fn provider(&self) -> Provider {
        self.provider_with(json!({}), &[]).await
    }

    pub(super) async fn provider_with(&self, changes: Value, settings: Settings<'_>) -> Provider {
        let issuers = json!([self.setting(changes)]).to_string();
        let mut all = vec![("LOGIN_ISSUERS", issuers.as_str())];
        all.extend(settings);
        let provider = Provider::with(&all).await;
        self.enroll_carol(&provider).await;
        provider
    }

    pub(super) async fn enroll_carol(&self, provider: &Provider) {
        let login = json!({"iss": self.issuer, "value": "carol"});
        let entry = json!({"login": login, "channels": [{"sms": "+15555550102"}]});
        provider.enroll("carol", entry).await.expect("carol");
    }
}

/// `GET /consent` with this login token: 200 if it proves somebody.
pub(super) async fn list(provider: &Provider, token: &str, now: Timestamp) -> Answer {
    provider.call(&provider.consent, &json_request("GET", "/consent", Some(token), ""), now).await
}

/// The decision `body` with this login token.
pub(super) async fn decide(
    provider: &Provider,
    token: &str,
    request: &str,
    body: Value,
    now: Timestamp,
) -> Answer {
    let path = format!("/consent/{request}/decision");
    let request = json_request("POST", &path, Some(token), &body.to_string());
    provider.call(&provider.consent, &request, now).await
}
