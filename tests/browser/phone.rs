//! The local stack's phone, in front of a stand-in for the consent API: its list of messages, its page in place of an
//! app, and the sign-in page of its login issuer.

use std::sync::{Arc, Mutex};

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use ciba_local::login_issuer::{ClientAuthentication, LoginIssuer, RelyingParty};
use ciba_local::phone::{AskedRequest, Directory, Phone, PhoneOptions, RequestState, Told};
use ciba_local::seed::Person;
use ciba_local::server::{Server, listen};
use ciba_local::sns::{Sns, SnsHandle};
use serde_json::{Value, json};
use url::Url;

use crate::accessibility::violations;
use crate::browser::Browser;

const KEY: &str = "abcdefghijklmnopqrst-_";
/// As it stands on the wire: with a number that another JSON writer would write in another way.
const REQUEST: &str = r#"{"request": "abcdefghijklmnopqrst-_", "state": "pending", "decide_in": 100,
    "client": {"client_id": "kiosk", "client_name": "City Kiosk"}, "scope": "openid payments profile",
    "authorization_details": [{"type": "payment", "amount": 100.0}],
    "details": [{"title": "A payment", "rows": [{"label": "Amount", "value": "100.0 <b>EUR</b>"}],
        "scope": "payments"}]}"#;

/// Knows one request, of `alice`.
struct OneRequest;

impl Directory for OneRequest {
    fn open<'a>(&'a self, _: &'a str) -> Told<'a, String> {
        Box::pin(async { None })
    }

    fn asked<'a>(&'a self, request: &'a str) -> Told<'a, String> {
        Box::pin(async move { (request == KEY).then(|| "alice".to_owned()) })
    }

    fn person<'a>(&'a self, _: &'a str) -> Told<'a, Person> {
        Box::pin(async { None })
    }

    fn request<'a>(&'a self, _: &'a str) -> Told<'a, AskedRequest> {
        let client = "City <i>Kiosk</i>".to_owned();
        Box::pin(async { Some(AskedRequest { client, state: RequestState::Waiting }) })
    }

    fn ticket<'a>(&'a self, _: &'a str) -> Told<'a, String> {
        Box::pin(async { None })
    }
}

type Decisions = Arc<Mutex<Vec<Value>>>;

async fn read(State(decisions): State<Decisions>) -> impl IntoResponse {
    let is_decided = !decisions.lock().expect("the list").is_empty();
    let body = if is_decided { REQUEST.replace("pending", "approved") } else { REQUEST.to_owned() };
    ([(CONTENT_TYPE, "application/json")], body)
}

async fn decide(State(decisions): State<Decisions>, Json(body): Json<Value>) -> Json<Value> {
    decisions.lock().expect("the list").push(body);
    Json(json!({"request": KEY, "decision": "approved"}))
}

/// A phone with its surroundings.
struct Setup {
    phone: Phone,
    sns: SnsHandle,
    decisions: Decisions,
    login_issuer: Arc<LoginIssuer>,
    _api: Server,
}

impl Setup {
    async fn start() -> Self {
        let decisions = Decisions::default();
        let api = Router::new()
            .route("/consent/{request}", get(read))
            .route("/consent/{request}/decision", post(decide))
            .with_state(Arc::clone(&decisions));
        let api = Server::start(listen(0).await.expect("a port"), api).expect("a server");
        let sns = Sns::start(listen(0).await.expect("a port")).expect("SNS");
        let alice = Person {
            sub: "alice".to_owned(),
            login: Some("alice".to_owned()),
            name: None,
            email: None,
            addresses: vec!["+15555550100".to_owned()],
        };
        let listener = listen(0).await.expect("a port");
        let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let login_issuer = Arc::new(LoginIssuer::new(&url).expect("a login issuer"));
        login_issuer.offer(std::slice::from_ref(&alice));
        let options = PhoneOptions {
            api: api.url(),
            issuer: "http://localhost:9000".to_owned(),
            inbox: sns.inbox(),
            people: vec![alice],
            directory: Arc::new(OneRequest),
            login_issuer: Arc::clone(&login_issuer),
            approve_all: false,
        };
        let phone = Phone::start(listener, options).expect("a phone");
        Self { phone, sns, decisions, login_issuer, _api: api }
    }

    async fn message(&self) {
        let text = format!("Example: confirm at http://localhost:9000/consent/{KEY}");
        let message = [("Action", "Publish"), ("PhoneNumber", "+15555550100"), ("Message", &text)];
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let sent = http.post(self.sns.url()).form(&message).send().await.expect("an answer");
        assert!(sent.status().is_success());
    }
}

/// What axe-core finds wrong with a page, light and dark.
async fn is_accessible(browser: &Browser) {
    for dark in [false, true] {
        browser.dark(dark).await;
        assert_eq!(violations(browser).await, Vec::<String>::new(), "dark: {dark}");
    }
}

/// TOK-7-03: the details are read in words, go with their scope value, and are approved as they were sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_shows_and_approves_authorization_details() {
    let setup = Setup::start().await;
    let browser = Browser::start().await;
    browser.open(&setup.phone.url()).await;
    assert_eq!(browser.text("[role=status]").await, "No messages");
    setup.message().await;

    // The open page shows what has arrived.
    browser.wait_until("document.querySelector('[role=status]').textContent === '1 message'").await;
    assert_eq!(browser.text(".entry a.request").await, "City <i>Kiosk</i>", "text, and no markup");
    assert_eq!(browser.text(".entry .state").await, "waiting");
    let link = browser.evaluate("document.querySelector('.entry a.request').href").await;
    assert_eq!(link, format!("http://localhost:9000/consent/{KEY}"));
    is_accessible(&browser).await;

    browser.click(".entry a.app").await;
    browser.shows("Sign-in request").await;
    is_accessible(&browser).await;
    browser.without_script().await;
    browser.reload().await;
    assert_eq!(browser.text(".authorization h2").await, "A payment");
    assert_eq!(browser.text(".authorization dt").await, "Amount");
    assert_eq!(browser.text(".authorization dd").await, "100.0 <b>EUR</b>", "text, and no markup");
    browser.click("label:last-child input").await;
    browser.click("#approve").await;
    browser.shows("You have approved this").await;
    let decided = setup.decisions.lock().expect("the list").pop().expect("a decision");
    assert_eq!((&decided["decision"], &decided["scope"]), (&json!("approve"), &json!("openid payments")));
    let amount = &decided["authorization_details"][0]["amount"];
    assert_eq!(amount.to_string(), "100.0", "the number as it was sent");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

async fn called_back(RawQuery(query): RawQuery) -> Html<String> {
    Html(format!("<link rel='icon' href='data:,'><h1>{}</h1>", query.unwrap_or_default()))
}

/// The form's answer leads to another origin, which neither the page's policy nor the phone's guard may prevent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_login_page_sends_the_browser_back_with_a_code() {
    let setup = Setup::start().await;
    let callback = Router::new().route("/callback", get(called_back));
    let callback = Server::start(listen(0).await.expect("a port"), callback).expect("a server");
    let redirect_uri = format!("{}/callback", callback.url());
    setup.login_issuer.register(RelyingParty {
        client_id: "bank".to_owned(),
        redirect_uris: vec![redirect_uri.clone()],
        authentication: ClientAuthentication::ClientSecretBasic("secret".to_owned()),
    });
    let parameters = [
        ("client_id", "bank"),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "a <b> state"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let url = format!("{}/authorize", setup.login_issuer.issuer());
    let url = Url::parse_with_params(&url, parameters).expect("a URL");

    let browser = Browser::start().await;
    browser.open(url.as_str()).await;
    browser.shows("Log in").await;
    is_accessible(&browser).await;
    browser.without_script().await;
    browser.reload().await;
    browser.click("button[value=alice]").await;
    browser.wait_until("document.querySelector('h1')?.textContent.startsWith('code=')").await;
    let arrived = browser.text("h1").await;
    assert!(arrived.starts_with("code=") && arrived.contains("state=a+%3Cb%3E+state&iss="), "{arrived}");
    // The session answers the next time, and the page is not shown again.
    browser.open(url.as_str()).await;
    assert!(browser.text("h1").await.starts_with("code="));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
