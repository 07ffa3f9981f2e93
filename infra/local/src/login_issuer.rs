//! A login issuer for local use: it identifies the person who holds the phone, as the operator's own sign-in would.
//!
//! It is a small OpenID Provider, with two sides that share issuer and key:
//!
//! 1. [`LoginIssuer::router`] serves the authorization code flow (OIDC Core §3.1) to relying parties that a test or
//!    the stack has registered. It refuses what an operator's provider refuses, so that a fault of the relying party
//!    shows here.
//! 2. [`LoginIssuer::login_token`] creates the token that the operator's app would have after a login.
//!
//! # Security
//! It asks for no proof: anyone who opens its page can log in as anyone. It is only for this machine.

mod authentication_class;
mod authorization_endpoint;
mod authorization_request;
mod client_assertion;
mod client_authentication;
mod code;
mod id_token;
mod metadata;
mod page;
mod parameters;
mod relying_party;
mod session;
mod signing_key;
mod token_endpoint;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use axum::{Json, Router, routing::get, routing::post};
use serde_json::{Map, Value, json};

use crate::{
    Error,
    clock::{self, Clock},
    id,
    seed::Person,
    server::loopback_client,
};
pub use authentication_class::AuthenticationClass;
use client_assertion::UsedAssertions;
use code::Codes;
pub use relying_party::{ClientAuthentication, ClientKeys, RelyingParty};
use session::Sessions;
use signing_key::SigningKey;

/// The `aud` of a login token.
pub const AUDIENCE: &str = "ciba-consent";

/// The scope that a login token needs for a decision.
pub const SCOPE: &str = "ciba:decide";

/// The lifetime of its tokens, in seconds.
pub const LIFETIME: u64 = 300;

/// An issuer with its own ES256 key, created when it starts.
pub struct LoginIssuer {
    shared: Arc<Shared>,
}

/// The state that all requests share.
struct Shared {
    issuer: String,
    key: SigningKey,
    clock: Clock,
    /// For the keys of relying parties.
    http: reqwest::Client,
    sessions: Sessions,
    codes: Codes,
    used_assertions: UsedAssertions,
    registry: Mutex<Registry>,
}

/// What is set after the start.
#[derive(Default)]
struct Registry {
    relying_parties: Vec<RelyingParty>,
    /// The people on the sign-in page.
    people: Vec<Person>,
    /// What a test changes in the claims of ID tokens.
    id_token_changes: Map<String, Value>,
}

impl LoginIssuer {
    /// An issuer with the identifier `issuer`, a URL without a trailing slash.
    ///
    /// # Errors
    /// If no key can be created.
    pub fn new(issuer: &str) -> Result<Self, Error> {
        Self::with_clock(issuer, Clock::System)
    }

    /// The same with another source of time for the code flow.
    ///
    /// # Errors
    /// If no key can be created.
    pub fn with_clock(issuer: &str, clock: Clock) -> Result<Self, Error> {
        let shared = Shared {
            issuer: issuer.to_owned(),
            key: SigningKey::create()?,
            clock,
            http: loopback_client()?,
            sessions: Sessions::default(),
            codes: Codes::default(),
            used_assertions: UsedAssertions::default(),
            registry: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Its `iss`.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Registers a relying party, in place of an earlier one with the same `client_id`.
    pub fn register(&self, relying_party: RelyingParty) {
        let parties = &mut self.shared.registry().relying_parties;
        parties.retain(|it| it.client_id != relying_party.client_id);
        parties.push(relying_party);
    }

    /// Sets the people that its page offers: those who have a name here. Anybody else can be typed in.
    pub fn offer(&self, people: &[Person]) {
        self.shared.registry().people = people.iter().filter(|it| it.login.is_some()).cloned().collect();
    }

    /// Replaces or adds claims in every ID token from now on; null removes one. Tests create tokens with it that a
    /// relying party has to refuse.
    pub fn change_id_tokens(&self, changes: Map<String, Value>) {
        self.shared.registry().id_token_changes = changes;
    }

    /// A login token for `sub`, who has just signed in with a password and a one-time code.
    ///
    /// `overrides` replaces or adds claims; null removes one. Tests create invalid tokens with it.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn login_token(
        &self,
        sub: &str,
        now: SystemTime,
        overrides: Map<String, Value>,
    ) -> Result<String, Error> {
        let now = clock::since_epoch(now).as_secs();
        let class = AuthenticationClass::MultiFactor;
        let claims = json!({
            "iss": self.shared.issuer,
            "sub": sub,
            "aud": AUDIENCE,
            "scope": SCOPE,
            "iat": now,
            "exp": now + LIFETIME,
            "auth_time": now,
            "jti": id::token(),
            "acr": class.acr(),
            "amr": class.amr(),
        });
        self.shared.key.sign(&changed(claims, overrides))
    }

    /// The element of `LOGIN_ISSUERS` that makes the provider accept this issuer.
    pub fn setting(&self) -> Value {
        json!({
            "issuer": self.shared.issuer,
            "jwks_uri": metadata::jwks_uri(&self.shared.issuer),
            "audience": {"claim": "aud", "value": AUDIENCE},
            "required_claims": {},
            "scope": SCOPE,
            "algorithms": ["ES256"],
            "person_claim": "sub",
            "acr": {"urn:local:mfa": "urn:example:acr:mfa"},
            "amr": {"pwd": "pwd", "otp": "otp"},
        })
    }

    /// The same for a login on the page too. `client_secret` is the relying party's, encrypted by KMS, in base64.
    pub fn setting_on_the_page(&self, client_id: &str, client_secret: &str) -> Value {
        let mut setting = self.setting();
        setting["browser"] = json!({
            "client_id": client_id,
            "label": "local",
            "name": "Example Bank",
            "client_secret": client_secret,
        });
        setting
    }

    /// Its endpoints.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let (document, keys) = (metadata::document(&self.shared.issuer), self.shared.key.jwks().clone());
        Router::new()
            .route(metadata::DISCOVERY_PATH, get(|| async { Json(document) }))
            .route(metadata::JWKS_PATH, get(|| async { Json(keys) }))
            .route(
                metadata::AUTHORIZATION_PATH,
                get(authorization_endpoint::by_link).post(authorization_endpoint::by_form),
            )
            .route(metadata::TOKEN_PATH, post(token_endpoint::answer))
            .with_state(Arc::clone(&self.shared))
    }
}

impl Shared {
    /// Epoch seconds.
    fn now(&self) -> u64 {
        clock::since_epoch(self.clock.now()).as_secs()
    }

    fn relying_party(&self, client_id: &str) -> Option<RelyingParty> {
        self.registry().relying_parties.iter().find(|it| it.client_id == client_id).cloned()
    }

    /// A panic elsewhere cannot leave this state inconsistent.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `claims` with these changes; null removes one.
fn changed(mut claims: Value, changes: Map<String, Value>) -> Value {
    for (name, value) in changes {
        claims[name] = value;
    }
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}

#[cfg(test)]
mod tests;
