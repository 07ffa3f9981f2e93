//! A login issuer that a browser can visit: whoever comes is `carol`, and is sent back at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Json, Router};
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::server::{Server, listen};
use ciba_tests::{Provider, START, form};
use serde_json::{Map, Value, json};

const CLIENT_ID: &str = "ciba-page";

pub(crate) struct OpenIdProvider {
    issuer: Arc<LoginIssuer>,
    _server: Server,
}

#[derive(Clone)]
struct Shared {
    issuer: Arc<LoginIssuer>,
    /// Of the last visitor.
    nonce: Arc<Mutex<String>>,
}

impl OpenIdProvider {
    pub(crate) async fn start() -> Self {
        let listener = listen(0).await.expect("a port");
        let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let issuer = Arc::new(LoginIssuer::new(&url).expect("an issuer"));
        let shared = Shared { issuer: Arc::clone(&issuer), nonce: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(shared)
            // Its keys.
            .fallback_service(issuer.router::<()>());
        Self { issuer, _server: Server::start(listener, router).expect("a server") }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.issuer()
    }

    /// Its element of `LOGIN_ISSUERS`.
    pub(crate) fn setting(&self) -> Value {
        let mut setting = self.issuer.setting();
        setting["browser"] = json!({"client_id": CLIENT_ID, "label": "acme", "name": "Acme",
            "client_secret": Provider::encrypted_secret(self.issuer(), "a-secret")});
        setting
    }
}

async fn metadata(State(shared): State<Shared>) -> Json<Value> {
    let issuer = shared.issuer.issuer();
    Json(json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token")}))
}

async fn authorize(State(shared): State<Shared>, Query(asked): Query<BTreeMap<String, String>>) -> Redirect {
    asked["nonce"].clone_into(&mut shared.nonce.lock().expect("the nonce"));
    let answer = form(&[("code", "a-code"), ("state", &asked["state"])]);
    Redirect::to(&format!("{}?{answer}", asked["redirect_uri"]))
}

async fn token(State(shared): State<Shared>) -> Json<Value> {
    let now = UNIX_EPOCH + Duration::from_millis(START.millis().unsigned_abs());
    let nonce = shared.nonce.lock().expect("the nonce").clone();
    let claims = Map::from_iter([("aud".to_owned(), json!(CLIENT_ID)), ("nonce".to_owned(), json!(nonce))]);
    let id_token = shared.issuer.login_token("carol", now, claims).expect("a token");
    Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token}))
}
