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

    /// The client of the second one has a name that must not become markup.
    fn request<'a>(&'a self, request: &'a str) -> Told<'a, AskedRequest> {
        let asked = |client: &str, state| Some(AskedRequest { client: client.to_owned(), state });
        let asked = match request {
            KEY => asked("City Kiosk", RequestState::Waiting),
            LATE => asked("<script>alert(1)</script>", RequestState::Declined),
            _ => None,
        };
        Box::pin(async move { asked })
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
        .route("/consent/gone", get(gone))
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
        addresses: vec!["+15555550100".into(), ENDPOINT.into(), TOPIC.into(), "T0/ALICE".into()],
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

async fn gone() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({"error": "not_found", "error_description": "no <such> request"})))
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

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let response = reqwest::get(format!("{}{path}", self.phone.url())).await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.phone.url())).json(&body);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

/// As the operator's notifier posts it.
#[tokio::test]
async fn a_message_in_the_chat_arrives_like_the_others() {
    let setup = start(false).await;
    setup.sms().await;
    let text = format!("Example: &lt;A &amp; B&gt; http://localhost:9000/consent/{KEY}");
    let posted = json!({"text": text, "unfurl_links": false});
    let webhook = format!("{}/webhooks/T0/ALICE", setup.phone.url());
    let answer = reqwest::Client::new().post(webhook).json(&posted).send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "ok"));
    let messages = setup.get("/messages").await["messages"].clone();
    let expected = format!("Example: <A & B> http://localhost:9000/consent/{KEY}");
    assert_eq!(messages.as_array().map(Vec::len), Some(2), "the newest last: {messages}");
    for (member, expected) in [
        ("kind", "chat"),
        ("address", "T0/ALICE"),
        ("text", expected.as_str()),
        ("sub", "alice"),
        ("request", KEY),
    ] {
        assert_eq!(messages[1][member], expected);
    }
    let (_, page) = setup.page("/").await;
    assert!(page.contains("Chat message to alice (T0/ALICE)"), "{page}");
}

#[tokio::test]
async fn what_arrives_in_the_chat_is_approved_as_well() {
    let mut setup = start(true).await;
    let posted = json!({"text": format!("Example: http://localhost:9000/consent/{KEY}")});
    let webhook = format!("{}/webhooks/T0/ALICE", setup.phone.url());
    reqwest::Client::new().post(webhook).json(&posted).send().await.unwrap();
    let (request, _, body) = setup.decisions.recv().await.unwrap();
    assert_eq!((request.as_str(), &body["decision"]), (KEY, &json!("approve")));
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

/// The same page that the link in the message leads to.
#[tokio::test]
async fn a_message_says_who_asked_what_became_of_it_and_where() {
    let setup = start(false).await;
    for request in [KEY, LATE, "nobodyabcdefghijklmnop"] {
        setup.sms_about(request).await;
    }
    setup.publish(&[("PhoneNumber", "+15555550100"), ("Message", "A passkey was added")]).await;
    let inbox = setup.get("/messages").await;
    for (index, client, state, page) in [
        (0, json!("City Kiosk"), json!("waiting"), json!(format!("http://localhost:9000/consent/{KEY}"))),
        (
            1,
            json!("<script>alert(1)</script>"),
            json!("declined"),
            json!(format!("http://localhost:9000/consent/{LATE}")),
        ),
        (2, Value::Null, Value::Null, json!("http://localhost:9000/consent/nobodyabcdefghijklmnop")),
        (3, Value::Null, Value::Null, Value::Null),
    ] {
        let message = &inbox["messages"][index];
        assert_eq!((&message["client"], &message["state"], &message["page"]), (&client, &state, &page));
    }
}

#[tokio::test]
async fn the_page_lists_the_newest_message_first_and_escapes_it() {
    let setup = start(false).await;
    setup.sms().await;
    setup.publish(&[("PhoneNumber", "+15555550100"), ("Message", "<img src=x> & more")]).await;
    setup.sms_about(LATE).await;
    let (status, page) = setup.page("/").await;
    assert_eq!(status, StatusCode::OK);
    let entries: Vec<_> = page.split("<li class=\"entry\">").skip(1).collect();
    assert_eq!(entries.len(), 3, "{page}");
    for (entry, parts) in entries.iter().zip([
        &["&lt;script&gt;alert(1)", "declined", "SMS to Dora", "less than a minute ago"][..],
        &["For information", "&lt;img src=x&gt; &amp; more", "SMS to alice"],
        &["City Kiosk", "waiting", "confirm at"],
    ]) {
        for part in parts {
            assert!(entry.contains(part), "{part}\n{entry}");
        }
    }
    let link = |request| format!("href=\"http://localhost:9000/consent/{request}\"");
    assert!(entries[0].contains(&link(LATE)) && entries[2].contains(&link(KEY)), "{page}");
    assert!(!entries[1].contains("href"), "{page}");
    // Only what can still be answered leads to the page of the app.
    let app = format!("href=\"/people/alice/requests/{}/app\"", KEY.replace('-', "%2D").replace('_', "%5F"));
    assert!(entries[2].contains(&app) && !entries[0].contains("/app"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
}

/// It is loaded again without script, and runs none but its own.
#[tokio::test]
async fn the_page_works_without_script_and_runs_no_other() {
    let setup = start(false).await;
    let (_, page) = setup.page("/").await;
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "{page}");
    assert!(page.contains("No messages") && page.contains("action=\"/people/alice/passkey\""), "{page}");
    let response = reqwest::get(setup.phone.url()).await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(setup.page("/phone.js").await.0, StatusCode::OK);
}

/// TOK-7-03: the details are read in words, go with their scope value, and are approved as they were sent.
#[tokio::test]
async fn the_page_of_the_app_decides_without_script() {
    let members = json!({
        "client": {"client_id": "kiosk", "client_name": "City <b>Kiosk"},
        "scope": "openid payments profile",
        "authorization_details": [{"type": "payment", "amount": "100.0"}],
        "details": [{"title": "A payment", "headline": "Pay 100.0 EUR",
            "rows": [{"label": "Amount", "value": "100.0 <b>EUR"}], "scope": "payments"}],
        "decide_in": 100,
    });
    let mut setup = start_with(false, members).await;
    let path = format!("/people/alice/requests/{KEY}/app");
    let (_, page) = setup.page(&path).await;
    for part in [
        "City &lt;b&gt;Kiosk",
        "<h1>Pay 100.0 EUR</h1>",
        "<h2>A payment</h2>",
        "100.0 &lt;b&gt;EUR",
        "value=\"openid\" checked disabled",
        "value=\"payments\" checked disabled",
        "value=\"profile\" checked>",
        "type=\"hidden\" name=\"scope\" value=\"payments\"",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let form = [("scope", "openid"), ("scope", "payments"), ("decision", "approve")];
    let response =
        reqwest::Client::new().post(format!("{}{path}", setup.phone.url())).form(&form).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (_, _, body) = setup.decisions.recv().await.unwrap();
    let details = json!([{"type": "payment", "amount": "100.0"}]);
    let expected = json!({"client_id": "kiosk", "decision": "approve", "scope": "openid payments",
        "authorization_details": details});
    assert_eq!(body, expected);

    let form = [("scope", "openid"), ("decision", "deny")];
    let declined = reqwest::Client::new().post(format!("{}{path}", setup.phone.url())).form(&form);
    assert_eq!(declined.send().await.unwrap().status(), StatusCode::OK);
    let (_, _, body) = setup.decisions.recv().await.unwrap();
    assert_eq!(body, json!({"client_id": "kiosk", "decision": "deny"}));
}

#[tokio::test]
async fn the_page_of_the_app_says_why_it_was_refused() {
    let setup = start(false).await;
    let (status, page) = setup.page("/people/alice/requests/gone/app").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("It was not accepted") && page.contains("no &lt;such&gt; request"), "{page}");
    assert_eq!(setup.page(&format!("/people/mallory/requests/{KEY}/app")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_button_for_a_passkey_leads_to_a_tickets_page() {
    let setup = start(false).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = async |sub: &str| {
        http.post(format!("{}/people/{sub}/passkey", setup.phone.url())).send().await.unwrap()
    };
    let response = post("dora").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "http://localhost:9000/enroll/ticket");
    assert_eq!(post("nobody").await.status(), StatusCode::CONFLICT);
}

/// A site cannot choose who logs in, but a relying party's link may lead here.
#[tokio::test]
async fn the_login_issuer_is_behind_the_same_guard() {
    let setup = start(false).await;
    let (status, _) = setup.page("/.well-known/openid-configuration").await;
    assert_eq!(status, StatusCode::OK);
    let url = format!("{}/authorize", setup.phone.url());
    let post = reqwest::Client::new().post(url).header("origin", "https://evil.example");
    assert_eq!(post.form(&[("person", "alice")]).send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_phone_asks_for_a_ticket_and_knows_where_it_leads() {
    let setup = start(false).await;
    let (status, body) = setup.post("/people/dora/ticket", json!({})).await;
    assert_eq!((status, &body["link"]), (StatusCode::OK, &json!("http://localhost:9000/enroll/ticket")));
    let (status, body) = setup.post("/people/nobody/ticket", json!({})).await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("no_ticket")));
}
