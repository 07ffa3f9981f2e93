//! The phone in front of a stand-in for the consent API.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::{
    server::listen,
    sns::{Sns, SnsHandle},
};

const KEY: &str = "abcdefghijklmnopqrst-_";
/// A request to a person who is not in the seed.
const LATE: &str = "lateabcdefghijklmnopqr";

/// Knows `dora`, who can log in, and `erin`, who cannot; neither is in the seed.
struct Enrolled;

impl Directory for Enrolled {
    fn open<'a>(&'a self, auth_req_id: &'a str) -> Told<'a, String> {
        Box::pin(async move {
            match auth_req_id {
                "known" => Some(KEY.to_owned()),
                "late" => Some(LATE.to_owned()),
                _ => None,
            }
        })
    }

    fn asked<'a>(&'a self, request: &'a str) -> Told<'a, String> {
        Box::pin(async move {
            match request {
                KEY => Some("alice".to_owned()),
                LATE => Some("dora".to_owned()),
                _ => None,
            }
        })
    }

    fn person<'a>(&'a self, sub: &'a str) -> Told<'a, Person> {
        let entry = match sub {
            "dora" => json!({"sub": "dora", "login": {"value": "dora"}, "claims": {"name": "Dora"}}),
            "erin" => json!({"sub": "erin"}),
            _ => Value::Null,
        };
        Box::pin(async move { Person::read(&entry) })
    }

    /// Only dora has one.
    fn has_passkey<'a>(&'a self, sub: &'a str) -> Told<'a, bool> {
        Box::pin(async move { Some(sub == "dora") })
    }

    fn ticket<'a>(&'a self, sub: &'a str) -> Told<'a, String> {
        Box::pin(async move { (sub == "dora").then(|| "/enroll/ticket".to_owned()) })
    }
}

const ENDPOINT: &str = "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/1";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ciba";

/// A decision as the consent API received it: request, bearer token, body.
type Decision = (String, String, Value);

struct Setup {
    phone: Phone,
    sns: SnsHandle,
    decisions: mpsc::UnboundedReceiver<Decision>,
    _api: Server,
}

async fn start(approve_all: bool) -> Setup {
    start_with(approve_all, json!({})).await
}

/// The stand-in shows a request with these members.
async fn start_with(approve_all: bool, members: Value) -> Setup {
    let (sender, decisions) = mpsc::unbounded_channel();
    let mut request = json!({"request": KEY, "state": "pending", "client": {"client_id": "kiosk"}});
    for (name, value) in members.as_object().unwrap() {
        request[name] = value.clone();
    }
    let api = Router::new()
        .route("/consent/{request}", get(|| async { Json(request) }))
        .route("/consent/{request}/decision", post(record))
        .with_state(sender);
    let api = Server::start(listen(0).await.unwrap(), api).unwrap();
    let sns = Sns::start(listen(0).await.unwrap()).unwrap();
    let alice = Person {
        sub: "alice".into(),
        login: Some("alice-login".into()),
        name: None,
        email: None,
        addresses: vec!["+15555550100".into(), ENDPOINT.into(), TOPIC.into()],
    };
    let options = PhoneOptions {
        api: api.url(),
        issuer: "http://localhost:9000".to_owned(),
        inbox: sns.inbox(),
        people: vec![alice],
        directory: Arc::new(Enrolled),
        login_issuer: Arc::new(LoginIssuer::new("http://localhost:9100").unwrap()),
        approve_all,
    };
    let phone = Phone::start(listen(0).await.unwrap(), options).unwrap();
    Setup { phone, sns, decisions, _api: api }
}

async fn record(
    State(sender): State<mpsc::UnboundedSender<Decision>>,
    Path(request): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Json<Value> {
    let token = headers["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    sender.send((request, token, body.clone())).unwrap();
    Json(json!({"request": KEY, "decision": body["decision"]}))
}

impl Setup {
    async fn sms(&self) {
        self.sms_about(KEY).await;
    }

    /// Sends an SMS to alice's number.
    async fn sms_about(&self, request: &str) {
        let text = format!("Example: confirm at http://localhost:9000/consent/{request}");
        self.publish(&[("PhoneNumber", "+15555550100"), ("Message", &text)]).await;
    }

    async fn publish(&self, parameters: &[(&str, &str)]) {
        let form = [&[("Action", "Publish")], parameters].concat();
        let response = reqwest::Client::new().post(self.sns.url()).form(&form).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.phone.url())).await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.phone.url())).json(&body);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

/// The claims of a token, without checking its signature: the login issuer's own test does that.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_message_arrives_with_its_owner_and_request() {
    let setup = start(false).await;
    setup.sms().await;
    let inbox = setup.get("/messages").await;
    assert_eq!(inbox["people"][0]["sub"], "alice");
    assert_eq!(inbox["messages"][0]["sub"], "alice");
    assert_eq!(inbox["messages"][0]["request"], KEY);
}

/// Each shows its kind.
#[tokio::test]
async fn push_and_topic_messages_arrive_like_an_sms() {
    let setup = start(false).await;
    let payload = json!({"aps": {"alert": {"title": "Example", "body": "Confirm"}}, "request": KEY});
    let message = json!({"default": "Confirm", "APNS": payload.to_string()}).to_string();
    let push = [("TargetArn", ENDPOINT), ("MessageStructure", "json"), ("Message", &message)];
    setup.publish(&push).await;
    let text = format!("Example: confirm at http://localhost:9000/consent/{KEY}");
    setup.publish(&[("TopicArn", TOPIC), ("Message", &text)]).await;
    setup.sms().await;
    let inbox = setup.get("/messages").await;
    for (index, (kind, text)) in
        [("push", "Example: Confirm"), ("topic", text.as_str()), ("sms", text.as_str())]
            .into_iter()
            .enumerate()
    {
        let message = &inbox["messages"][index];
        assert_eq!((&message["kind"], &message["text"]), (&json!(kind), &json!(text)));
        assert_eq!((&message["sub"], &message["request"]), (&json!("alice"), &json!(KEY)), "{kind}");
    }
}

#[tokio::test]
async fn a_decision_reaches_the_consent_api_with_the_persons_token() {
    let mut setup = start(false).await;
    let body = json!({"client_id": "kiosk", "decision": "approve", "scope": "openid"});
    let (status, _) = setup.post(&format!("/people/alice/requests/{KEY}/decision"), body.clone()).await;
    let (request, token, got) = setup.decisions.recv().await.unwrap();
    assert_eq!((status, &*request, got), (StatusCode::OK, KEY, body));
    assert_eq!(claims(&token)["sub"], "alice-login");
}

#[tokio::test]
async fn decide_answers_for_the_person_asked() {
    let mut setup = start(false).await;
    let (status, _) = setup.post("/decide?auth_req_id=known&action=deny", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let (request, _, body) = setup.decisions.recv().await.unwrap();
    assert_eq!((&*request, body), (KEY, json!({"client_id": "kiosk", "decision": "deny"})));
}

#[tokio::test]
async fn decide_refuses_an_unknown_request_and_an_unknown_action() {
    let setup = start(false).await;
    for (query, expected) in [
        ("auth_req_id=other&action=allow", StatusCode::NOT_FOUND),
        ("action=allow", StatusCode::NOT_FOUND),
        ("auth_req_id=known&action=maybe", StatusCode::BAD_REQUEST),
        ("auth_req_id=known", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(setup.post(&format!("/decide?{query}"), json!({})).await.0, expected, "{query}");
    }
}

#[tokio::test]
async fn a_token_is_for_people_who_are_enrolled_and_can_log_in() {
    let setup = start(false).await;
    for (sub, login) in [("alice", "alice-login"), ("dora", "dora")] {
        let (status, body) = setup.post(&format!("/users/{sub}/token"), json!({})).await;
        assert_eq!((status, &body["expires_in"]), (StatusCode::OK, &json!(300)));
        assert_eq!(claims(body["login_token"].as_str().unwrap())["sub"], login);
    }
    assert_eq!(setup.post("/users/mallory/token", json!({})).await.0, StatusCode::NOT_FOUND);
    let (status, body) = setup.post("/users/erin/token", json!({})).await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("no_login")));
}

/// The request determines the owner of a message: a number may be in two entries. These people are treated like
/// those in the seed.
#[tokio::test]
async fn people_enrolled_later_get_messages_and_decide_too() {
    let mut setup = start(false).await;
    setup.sms_about(LATE).await;
    setup.sms_about("nobodyabcdefghijklmnop").await;
    let inbox = setup.get("/messages").await;
    let dora = json!({"sub": "dora", "name": "Dora", "address": "+15555550100"});
    assert_eq!((&inbox["people"][1], &inbox["people"][2]), (&dora, &Value::Null));
    let owners = [0, 1].map(|index| inbox["messages"][index]["sub"].clone());
    assert_eq!(owners, ["dora", "alice"], "whose request is unknown, by the address");

    let body = json!({"client_id": "kiosk", "decision": "approve"});
    for path in
        [format!("/people/dora/requests/{LATE}/decision"), "/decide?auth_req_id=late&action=allow".into()]
    {
        assert_eq!(setup.post(&path, body.clone()).await.0, StatusCode::OK, "{path}");
        let (request, token, got) = setup.decisions.recv().await.unwrap();
        assert_eq!((&*request, &claims(&token)["sub"], &got), (LATE, &json!("dora"), &body));
    }
}

#[tokio::test]
async fn the_automatic_phone_approves_for_who_was_enrolled_later() {
    let mut setup = start(true).await;
    setup.sms_about(LATE).await;
    let (request, token, _) = setup.decisions.recv().await.unwrap();
    assert_eq!((&*request, &claims(&token)["sub"]), (LATE, &json!("dora")));
}

#[tokio::test]
async fn another_site_cannot_decide() {
    let setup = start(false).await;
    let decide = || reqwest::Client::new().post(format!("{}/decide", setup.phone.url()));
    for request in [decide().header("origin", "https://example.com"), decide().header("host", "example.com")]
    {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn the_automatic_phone_approves_what_arrives() {
    let mut setup = start(true).await;
    setup.sms().await;
    let (request, _, body) = setup.decisions.recv().await.unwrap();
    assert_eq!((&*request, body), (KEY, json!({"client_id": "kiosk", "decision": "approve"})));
}

/// TOK-7-03: an approval without what was there to be read would be refused, and a denial has nothing of it.
#[tokio::test]
async fn an_approval_repeats_the_details_that_were_asked_for() {
    let details = json!([{"type": "payment", "amount": "100.50"}]);
    let members = json!({ "authorization_details": details });
    let mut setup = start_with(false, members.clone()).await;
    for (action, expected) in [
        ("allow", json!({"client_id": "kiosk", "decision": "approve", "authorization_details": details})),
        ("deny", json!({"client_id": "kiosk", "decision": "deny"})),
    ] {
        let path = format!("/decide?auth_req_id=known&action={action}");
        assert_eq!(setup.post(&path, json!({})).await.0, StatusCode::OK);
        assert_eq!(setup.decisions.recv().await.unwrap().2, expected);
    }
    let mut automatic = start_with(true, members).await;
    automatic.sms().await;
    let (_, _, body) = automatic.decisions.recv().await.unwrap();
    assert_eq!(body["authorization_details"], details);
}

/// A person without a passkey is not.
#[tokio::test]
async fn a_person_with_a_passkey_is_led_to_the_providers_own_page() {
    let setup = start(false).await;
    setup.sms_about(LATE).await;
    setup.sms().await;
    let inbox = setup.get("/messages").await;
    let page = format!("http://localhost:9000/consent/{LATE}");
    assert_eq!((&inbox["messages"][0]["sub"], &inbox["messages"][0]["page"]), (&json!("dora"), &json!(page)));
    assert_eq!(
        (&inbox["messages"][1]["sub"], &inbox["messages"][1]["page"]),
        (&json!("alice"), &Value::Null)
    );
}

#[tokio::test]
async fn the_phone_asks_for_a_ticket_and_knows_where_it_leads() {
    let setup = start(false).await;
    let (status, body) = setup.post("/people/dora/ticket", json!({})).await;
    assert_eq!((status, &body["link"]), (StatusCode::OK, &json!("http://localhost:9000/enroll/ticket")));
    let (status, body) = setup.post("/people/nobody/ticket", json!({})).await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("no_ticket")));
}
