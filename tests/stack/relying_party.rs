//! This provider as a client of login issuers: it authenticates with a key of its own, by its key set. One of them
//! is an unmodified oidc-provider, which shares no misreading of the specification with it.

use std::collections::HashMap;

use axum::routing::get;
use axum::{Json, Router};
use ciba::protocol::routes;
use ciba_local::login_issuer::{ClientAuthentication, ClientKeys, LoginIssuer, RelyingParty};
use ciba_local::server::{Server, listen};
use ciba_tests::{Answer, OidcProvider, Provider, Visitor, real_time, request};
use lambda_http::RequestExt;
use serde_json::{Value, json};
use url::Url;

use crate::login_issuers::{REDIRECT_URI, log_in};

const CLIENT_ID: &str = "ciba-page";

/// Serves what API Gateway would.
async fn served(keys: Value) -> (String, Server) {
    let listener = listen(0).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let router = Router::new().route(routes::LOGIN_JWKS, get(|| async { Json(keys) }));
    let server = Server::start(listener, router).expect("a server");
    (format!("http://localhost:{port}{}", routes::LOGIN_JWKS), server)
}

async fn local(jwks_uri: &str) -> (String, Server) {
    let listener = listen(0).await.expect("a port");
    let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
    let issuer = LoginIssuer::new(&url).expect("an issuer");
    issuer.register(RelyingParty {
        client_id: CLIENT_ID.to_owned(),
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        authentication: ClientAuthentication::PrivateKeyJwt(ClientKeys::JwksUri(jwks_uri.to_owned())),
    });
    (url, Server::start(listener, issuer.router()).expect("a server"))
}

/// It gets the keys themselves, because it fetches nothing from this machine.
async fn oidc_provider(keys: &Value) -> OidcProvider {
    let client = json!({"client_id": CLIENT_ID, "jwks": keys, "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256"});
    OidcProvider::start(&json!([client])).await
}

/// Logs `alice` in at `issuer`, and returns the answer to the callback.
async fn logged_in(provider: &Provider, issuer: &str, keys: &str, audience: &str) -> Answer {
    let setting = json!([{"issuer": issuer, "jwks_uri": format!("{issuer}{keys}"), "algorithms": ["ES256"],
        "audience": {"claim": "aud", "value": "approval-app"},
        "browser": {"client_id": CLIENT_ID, "label": "acme", "name": "Acme", "assertion_audience": audience}}]);
    let login = provider.logging_in_with(&[("LOGIN_ISSUERS", &setting.to_string())]);
    let start =
        provider.call(&login, &request("GET", "/login", &[("accept", "text/html")], ""), real_time()).await;
    let link = Url::parse(start.header("location").unwrap_or_else(|| panic!("{start:?}"))).expect("a URL");
    let cookie = start.header("set-cookie").and_then(|it| it.split(';').next()).expect("a cookie").to_owned();
    let callback = log_in(&mut Visitor::new(REDIRECT_URI), link).await;
    let query: HashMap<_, _> =
        callback.query_pairs().map(|(name, value)| (name.into_owned(), vec![value.into_owned()])).collect();
    let headers = [("accept", "text/html"), ("cookie", cookie.as_str())];
    let callback = request("GET", callback.path(), &headers, "").with_query_string_parameters(query);
    provider.call(&login, &callback, real_time()).await
}

/// Both issuers, which know this provider by these keys. They end with this value.
struct Issuers {
    local: String,
    foreign: OidcProvider,
    _servers: [Server; 2],
}

impl Issuers {
    async fn knowing(keys: Value) -> Self {
        let foreign = oidc_provider(&keys).await;
        let (jwks_uri, keys) = served(keys).await;
        let (local, server) = local(&jwks_uri).await;
        Self { local, foreign, _servers: [keys, server] }
    }

    /// The issuers, with the paths of their own key sets.
    fn each(&self) -> [(&str, &str); 2] {
        [(&self.local, "/.well-known/jwks.json"), (&self.foreign.issuer, "/jwks")]
    }
}

/// The issuers run with real clocks, and so does this.
async fn provider() -> Provider {
    let provider = Provider::empty(&[]).await;
    provider.key_rotation.run(&provider.invocation(real_time())).await.expect("keys");
    provider
}

/// RP-1-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_logs_in_with_a_key_of_its_own() {
    let provider = provider().await;
    let keys = request("GET", routes::LOGIN_JWKS, &[], "");
    let issuers = Issuers::knowing(provider.call(&provider.logging_in, &keys, real_time()).await.body).await;
    for (issuer, keys) in issuers.each() {
        for audience in ["issuer", "token_endpoint"] {
            let answer = logged_in(&provider, issuer, keys, audience).await;
            let lines = provider.eavesdropper.lines("trouble");
            assert_eq!(answer.header("location"), Some("/me"), "{issuer} {audience}: {answer:?} {lines:?}");
        }
    }
}

/// RP-1-11: with the key of tokens, which is another, nobody would be this provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_set_of_tokens_does_not_authenticate_the_provider() {
    let provider = provider().await;
    let keys = request("GET", routes::JWKS, &[], "");
    let issuers = Issuers::knowing(provider.call(&provider.jwks, &keys, real_time()).await.body).await;
    for (issuer, keys) in issuers.each() {
        let answer = logged_in(&provider, issuer, keys, "issuer").await;
        assert_eq!((answer.status, answer.header("location")), (503, None), "{issuer}: {answer:?}");
    }
}
