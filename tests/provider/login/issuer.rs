//! An OpenID provider of a test's own: metadata, keys and a token endpoint over HTTP. What its authorization endpoint
//! does, a test does: it says who logs in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ciba::domain::base::time::Timestamp;
use ciba::domain::client::client_assertion;
use ciba_local::server::{Server, listen};
use ciba_tests::{Provider, basic, form};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::foreign_issuer::{Key, change, encode};

pub(super) const CLIENT_ID: &str = "ciba-page";
pub(super) const CLIENT_SECRET: &str = "the-secret-of-the-page";

/// What the token endpoint hands out for a code.
struct Grant {
    claims: Value,
    redirect_uri: String,
    challenge: String,
}

struct Shared {
    issuer: String,
    key: Key,
    /// Changes of the metadata.
    metadata: Mutex<Value>,
    /// Each is good once.
    codes: Mutex<BTreeMap<String, Grant>>,
    /// The ID tokens that it issued.
    issued: Mutex<Vec<String>>,
    /// What it answers instead: status and body.
    failure: Mutex<Option<(u16, Value)>>,
    calls: Mutex<Vec<BTreeMap<String, String>>>,
    /// The key set of its client, if that authenticates with a key.
    client_keys: Mutex<Option<JwkSet>>,
    /// The assertions that it has accepted.
    used: Mutex<BTreeSet<String>>,
    /// When the last login was. Unit: epoch seconds.
    now: Mutex<i64>,
}

pub(crate) struct OpenIdProvider {
    label: &'static str,
    shared: Arc<Shared>,
    _server: Server,
}

/// How a login at the issuer differs from an ordinary one: claims of the ID token, null removes one.
pub(super) struct Login<'a> {
    pub(super) sub: &'a str,
    pub(super) claims: Value,
}

impl OpenIdProvider {
    pub(crate) async fn start(label: &'static str) -> Self {
        let listener = listen(0).await.expect("a port");
        let issuer = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let shared = Arc::new(Shared {
            issuer,
            key: Key::es256("one"),
            metadata: Mutex::new(json!({})),
            codes: Mutex::default(),
            issued: Mutex::default(),
            failure: Mutex::default(),
            calls: Mutex::default(),
            client_keys: Mutex::default(),
            used: Mutex::default(),
            now: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        Self { label, shared, _server: Server::start(listener, router).expect("a server") }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Its element of `LOGIN_ISSUERS`; `browser` changes members of the member of that name.
    pub(crate) fn setting(&self, changes: Value) -> Value {
        let mut browser = json!({
            "client_id": CLIENT_ID,
            "label": self.label,
            "name": format!("{} login", self.label),
            "client_secret": Provider::encrypted_secret(self.issuer(), CLIENT_SECRET),
        });
        change(&mut browser, changes);
        json!({
            "issuer": self.issuer(),
            "jwks_uri": format!("{}/jwks", self.issuer()),
            "audience": {"claim": "aud", "value": "approval-app"},
            "scope": "ciba:decide",
            "algorithms": ["ES256"],
            "acr": {"login:mfa": "urn:example:acr:mfa"},
            "amr": {"pwd": "pwd", "otp": "otp"},
            "browser": browser,
        })
    }

    /// People whom it knows by the names that they have here.
    pub(crate) async fn enroll(&self, provider: &Provider, people: &[&str]) {
        for (nth, sub) in people.iter().enumerate() {
            let login = json!({"iss": self.issuer(), "value": sub});
            let entry = json!({"login": login, "channels": [{"sms": format!("+1555555020{nth}")}],
                "hints": {"plain": [format!("{sub}-of-{}", self.label)]}});
            let sub = format!("{sub}-of-{}", self.label);
            provider.enroll(&sub, entry).await.expect("a person");
        }
    }

    /// What its authorization endpoint does with an ordinary login: the callback.
    pub(super) fn authorize(&self, url: &str, sub: &str, now: Timestamp) -> String {
        self.authorize_as(url, &Login { sub, claims: json!({}) }, now)
    }

    pub(super) fn authorize_as(&self, url: &str, login: &Login<'_>, now: Timestamp) -> String {
        *lock(&self.shared.now) = now.seconds();
        let url = Url::parse(url).expect("a URL");
        let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert!(url.as_str().starts_with(&format!("{}/authorize?", self.issuer())), "{url}");
        assert_eq!((&*asked["response_type"], &*asked["client_id"]), ("code", CLIENT_ID));
        let mut claims = json!({
            "iss": self.issuer(),
            "sub": login.sub,
            "aud": CLIENT_ID,
            "nonce": asked["nonce"],
            "iat": now.seconds(),
            "exp": now.seconds() + 300,
            "auth_time": now.seconds() - 1,
            "acr": "login:mfa",
            "amr": ["pwd", "otp"],
        });
        change(&mut claims, login.claims.clone());
        let mut codes = lock(&self.shared.codes);
        let code = format!("a-code-number-{}", codes.len() + lock(&self.shared.issued).len());
        codes.insert(
            code.clone(),
            Grant {
                claims,
                redirect_uri: asked["redirect_uri"].clone(),
                challenge: asked["code_challenge"].clone(),
            },
        );
        drop(codes);
        self.callback(&asked["redirect_uri"], &[("code", &code), ("state", &asked["state"])])
    }

    /// A callback with these parameters, and `iss` where it announces that.
    pub(super) fn callback(&self, redirect_uri: &str, parameters: &[(&str, &str)]) -> String {
        let mut all = parameters.to_vec();
        if lock(&self.shared.metadata)["authorization_response_iss_parameter_supported"] == true {
            all.push(("iss", self.issuer()));
        }
        format!("{redirect_uri}?{}", form(&all))
    }

    pub(super) fn change_metadata(&self, changes: Value) {
        change(&mut lock(&self.shared.metadata), changes);
    }

    /// From now on, its client authenticates with one of these keys.
    pub(super) fn fetch_client_keys(&self, keys: &Value) {
        *lock(&self.shared.client_keys) = Some(serde_json::from_value(keys.clone()).expect("a key set"));
    }

    /// Its metadata and its token endpoint answer this from now on.
    pub(super) fn fail(&self, status: u16, body: Value) {
        *lock(&self.shared.failure) = Some((status, body));
    }

    pub(super) fn recover(&self) {
        *lock(&self.shared.failure) = None;
    }

    pub(super) fn issued(&self) -> Vec<String> {
        lock(&self.shared.issued).clone()
    }

    /// The forms that its token endpoint was sent.
    pub(super) fn calls(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.shared.calls).clone()
    }
}

impl Shared {
    /// RFC 7523 §3: signature, parties, time and first use.
    fn accepts(&self, form: &BTreeMap<String, String>, keys: &JwkSet) -> bool {
        let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let assertion = text("client_assertion");
        let kid = jsonwebtoken::decode_header(assertion).ok().and_then(|header| header.kid);
        let Some(key) = kid.and_then(|kid| keys.find(&kid)) else { return false };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[self.issuer.clone(), format!("{}/token", self.issuer)]);
        // The time is the test's.
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(key).expect("a key");
        let Ok(verified) = jsonwebtoken::decode::<Value>(assertion, &key, &validation) else { return false };
        let (claims, now) = (verified.claims, *lock(&self.now));
        let is_in_time = claims["exp"].as_i64().is_some_and(|exp| now < exp && exp <= now + 60)
            && claims["iat"].as_i64().is_some_and(|iat| iat <= now);
        text("client_assertion_type") == client_assertion::TYPE
            && text("client_id") == CLIENT_ID
            && (&claims["iss"], &claims["sub"]) == (&json!(CLIENT_ID), &json!(CLIENT_ID))
            && is_in_time
            && claims["jti"].as_str().is_some_and(|jti| lock(&self.used).insert(jti.to_owned()))
    }
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    if let Some((status, body)) = lock(&shared.failure).clone() {
        return (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response();
    }
    let mut document = json!({
        "issuer": shared.issuer,
        "authorization_endpoint": format!("{}/authorize", shared.issuer),
        "token_endpoint": format!("{}/token", shared.issuer),
        "jwks_uri": format!("{}/jwks", shared.issuer),
    });
    change(&mut document, lock(&shared.metadata).clone());
    Json(document).into_response()
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({ "keys": [shared.key.jwk] })).into_response()
}

/// OIDC Core §3.1.3: client, code, redirect URI and PKCE verifier are checked, as a careful provider does.
async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let form: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    lock(&shared.calls).push(form.clone());
    let refuse = |status: u16, error: Value| {
        (StatusCode::from_u16(status).expect("a status"), Json(error)).into_response()
    };
    if let Some((status, body)) = lock(&shared.failure).clone() {
        return refuse(status, body);
    }
    let credentials = headers.get("authorization").and_then(|it| it.to_str().ok());
    let client_keys = lock(&shared.client_keys).clone();
    let is_client = match client_keys {
        None => credentials == Some(&basic(CLIENT_ID, CLIENT_SECRET)),
        Some(keys) => credentials.is_none() && shared.accepts(&form, &keys),
    };
    if !is_client {
        return refuse(401, json!({"error": "invalid_client"}));
    }
    let grant = form.get("code").and_then(|code| lock(&shared.codes).remove(code));
    let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
    let challenge = encode(digest(&SHA256, verifier.as_bytes()).as_ref());
    let fits = |grant: &Grant| {
        form["grant_type"] == "authorization_code"
            && grant.challenge == challenge
            && Some(&grant.redirect_uri) == form.get("redirect_uri")
    };
    let Some(grant) = grant.filter(fits) else { return refuse(400, json!({"error": "invalid_grant"})) };
    let id_token = shared.key.sign(&shared.key.header().to_string(), &grant.claims.to_string());
    lock(&shared.issued).push(id_token.clone());
    Json(json!({"access_token": "an-access-token", "token_type": "Bearer", "id_token": id_token}))
        .into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a lock")
}
