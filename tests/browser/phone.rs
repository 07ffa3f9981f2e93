//! The local stack's phone: its list of messages, and its page in place of an app, in front of a stand-in for the consent API.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::phone::{AskedRequest, Directory, Phone, PhoneOptions, RequestState, Told};
use ciba_local::seed::Person;
use ciba_local::server::{Server, listen};
use ciba_local::sns::Sns;
use serde_json::{Value, json};

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

/// TOK-7-03: the details are read in words, go with their scope value, and are approved as they were sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_shows_and_approves_authorization_details() {
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
    let options = PhoneOptions {
        api: api.url(),
        issuer: "http://localhost:9000".to_owned(),
        inbox: sns.inbox(),
        people: vec![alice],
        directory: Arc::new(OneRequest),
        login_issuer: Arc::new(LoginIssuer::new("http://localhost:9100").expect("a login issuer")),
        approve_all: false,
    };
    let phone = Phone::start(listen(0).await.expect("a port"), options).expect("a phone");
    let browser = Browser::start().await;
    browser.open(&phone.url()).await;
    assert!(browser.text("main").await.contains("No messages"));
    let text = format!("Example: confirm at http://localhost:9000/consent/{KEY}");
    let message = [("Action", "Publish"), ("PhoneNumber", "+15555550100"), ("Message", &text)];
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let sent = http.post(sns.url()).form(&message).send().await.expect("an answer");
    assert!(sent.status().is_success());

    // The open page shows what has arrived.
    browser.wait_until("document.querySelector('.entry')").await;
    assert_eq!(browser.text(".entry a.request").await, "City <i>Kiosk</i>", "text, and no markup");
    assert_eq!(browser.text(".entry .state").await, "waiting");
    let link = browser.evaluate("document.querySelector('.entry a.request').href").await;
    assert_eq!(link, format!("http://localhost:9000/consent/{KEY}"));

    browser.without_script().await;
    browser.click(".entry a.app").await;
    browser.shows("Sign-in request").await;
    assert_eq!(browser.text(".authorization h2").await, "A payment");
    assert_eq!(browser.text(".authorization dt").await, "Amount");
    assert_eq!(browser.text(".authorization dd").await, "100.0 <b>EUR</b>", "text, and no markup");
    browser.click("label:last-child input").await;
    browser.click("#approve").await;
    browser.shows("You have approved this").await;
    let decided = decisions.lock().expect("the list").pop().expect("a decision");
    assert_eq!((&decided["decision"], &decided["scope"]), (&json!("approve"), &json!("openid payments")));
    let amount = &decided["authorization_details"][0]["amount"];
    assert_eq!(amount.to_string(), "100.0", "the number as it was sent");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
