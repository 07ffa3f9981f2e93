//! The real functions behind the pages, at an address that a browser can open. Time is the test's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::ticket::TicketKind;
use ciba::http::serve::Endpoint;
use ciba::http::{Request, Response};
use ciba::protocol::routes;
use ciba_local::server::{Server, listen};
use ciba_tests::{Provider, START, Settings, real_time};
use lambda_http::RequestExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

use crate::authenticator::Authenticator;
use crate::browser::Browser;

pub(crate) struct Site {
    behind: Arc<Behind>,
    url: String,
    _server: Server,
}

struct Behind {
    provider: Provider,
    now: AtomicI64,
    /// What pages posted as JSON, with where to, oldest first.
    posted: Mutex<Vec<(String, String)>>,
}

impl Site {
    /// A provider whose issuer is the address that it is served at.
    pub(crate) async fn open() -> Self {
        Self::open_where(&[]).await
    }

    /// The same with these settings beside its own.
    pub(crate) async fn open_where(settings: Settings<'_>) -> Self {
        let (listener, url) = place().await;
        let own = [("ISSUER", url.as_str()), ("RP_ID", "localhost")];
        let provider = Provider::with(&[&own[..], settings].concat()).await;
        Self::serve(listener, url, provider, START)
    }

    /// The same at the real time, which a login issuer that nobody here wrote lives in. `start` starts that issuer for
    /// the site's address, and says what its element of `LOGIN_ISSUERS` is. The kiosk is its only client, and there
    /// are no people.
    pub(crate) async fn open_beside<I>(start: impl AsyncFnOnce(&str) -> (I, Value)) -> (Self, I) {
        let (listener, url) = place().await;
        let (issuer, setting) = start(&url).await;
        let issuers = json!([setting]).to_string();
        let own = [("ISSUER", url.as_str()), ("RP_ID", "localhost"), ("LOGIN_ISSUERS", &issuers)];
        let provider = Provider::empty(&own).await;
        provider.key_rotation.run(&provider.invocation(real_time())).await.expect("keys");
        provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
        (Self::serve(listener, url, provider, real_time()), issuer)
    }

    fn serve(listener: TcpListener, url: String, provider: Provider, now: Timestamp) -> Self {
        let behind =
            Arc::new(Behind { provider, now: AtomicI64::new(now.millis()), posted: Mutex::default() });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&behind));
        Self { behind, url, _server: Server::start(listener, router).expect("a server") }
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.behind.provider
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.behind.now.load(Ordering::Relaxed))
    }

    /// Seconds pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.behind.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// As much time passes as has passed in the world.
    pub(crate) fn catch_up(&self) {
        self.behind.now.fetch_max(real_time().millis(), Ordering::Relaxed);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The kiosk asks for alice: its handle, and the page's address.
    pub(crate) async fn ask(&self, parameters: &[(&str, &str)]) -> (String, String) {
        let (handle, request) = self.provider().asked(parameters, self.now()).await;
        (handle, self.url(&format!("/consent/{request}")))
    }

    /// What the kiosk gets when it polls, not too early: the scope, which goes without saying if it is all that was
    /// asked for, or an error.
    pub(crate) async fn poll(&self, handle: &str) -> Result<String, String> {
        self.pass(10);
        let answer = self.provider().poll(handle, self.now()).await;
        let text = |member: &str| answer.body[member].as_str().unwrap_or_default().to_owned();
        if answer.status == 200 { Ok(text("scope")) } else { Err(text("error")) }
    }

    /// The address of a new ticket's page.
    pub(crate) async fn ticket(&self, person: &str, kind: TicketKind) -> String {
        self.url(&self.provider().ticket(person, kind, self.now()).await)
    }

    /// A passkey for a person, made on the enrollment page.
    pub(crate) async fn enrol(&self, browser: &Browser, person: &str) {
        browser.open(&self.ticket(person, TicketKind::First).await).await;
        browser.click("#create").await;
        browser.settled().await;
        browser.shows("Your passkey is ready").await;
    }

    /// A browser with an authenticator, and alice's passkey in it.
    pub(crate) async fn of_alice(&self) -> (Browser, Authenticator) {
        let browser = Browser::start().await;
        let authenticator = Authenticator::plug_into(&browser).await;
        self.enrol(&browser, "alice").await;
        (browser, authenticator)
    }

    /// What was posted last, as JSON.
    pub(crate) fn posted(&self) -> (String, Value) {
        let posted = self.behind.posted.lock().expect("the list");
        let (path, body) = posted.last().expect("something was posted");
        (path.clone(), serde_json::from_str(body).expect("JSON"))
    }

    pub(crate) fn times_posted(&self) -> usize {
        self.behind.posted.lock().expect("the list").len()
    }

    /// Posts JSON as a page of this site could: status and body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = ciba_tests::json_request("POST", path, None, &body.to_string());
        let answer = self.provider().call(&self.provider().consent, &request, self.now()).await;
        (answer.status, answer.body)
    }

    /// The passkeys in the table.
    pub(crate) async fn passkeys(&self) -> Vec<Value> {
        let mut items = self.provider().items_under("user#").await;
        items.retain(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("passkey#")));
        items
    }
}

/// A port, and its address by name: passkeys know no others.
async fn place() -> (TcpListener, String) {
    let listener = listen(0).await.expect("a port");
    let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
    (listener, url)
}

impl Behind {
    async fn answer(&self, request: &Request) -> Response<ciba::http::Body> {
        let invocation = self.provider.invocation(Timestamp::from_millis(self.now.load(Ordering::Relaxed)));
        let path = request.uri().path();
        if path.starts_with(routes::CONSENT) {
            self.provider.consent.handle(request, &invocation).await
        } else if [routes::LOGIN, routes::LOGIN_CALLBACK, routes::LOGOUT, routes::ME].contains(&path) {
            self.provider.logging_in.handle(request, &invocation).await
        } else if path.starts_with(routes::ENROLLMENT) {
            self.provider.enrollment.handle(request, &invocation).await
        } else {
            let mut response = Response::new(ciba::http::Body::Text(json!({}).to_string()));
            *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
            response
        }
    }
}

async fn serve(
    State(behind): State<Arc<Behind>>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap_or_default().to_vec();
    let is_json = parts.headers.get("content-type").is_some_and(|it| it == "application/json");
    if is_json {
        let text = String::from_utf8_lossy(&body).into_owned();
        behind.posted.lock().expect("the list").push((parts.uri.path().to_owned(), text));
    }
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned();
    let query: HashMap<_, _> = query.map(|(name, value)| (name, vec![value])).collect();
    let request = Request::from_parts(parts, body.into()).with_query_string_parameters(query);
    let (parts, body) = behind.answer(&request).await.into_parts();
    axum::response::Response::from_parts(parts, Body::from(body.to_vec()))
}
