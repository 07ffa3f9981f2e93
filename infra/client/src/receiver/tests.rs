use reqwest::{RequestBuilder, Url};
use serde_json::json;

use super::*;

const TOKENS: &str = r#"{"auth_req_id":"the-request","access_token":"a","token_type":"Bearer","id_token":"i","expires_in":300}"#;
const PING: &str = r#"{"auth_req_id":"the-request"}"#;

/// A receiver on a free port, and its URL.
async fn receiver(mode: Mode) -> (Receiver, Url) {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let receiver = Receiver::listen(mode, free.port()).await.unwrap();
    (receiver, format!("http://{free}{PATH}").parse().unwrap())
}

/// A receiver that knows its request.
async fn expecting(mode: Mode) -> (Receiver, Url) {
    let (receiver, url) = receiver(mode).await;
    receiver.expect(&Secret::from("the-request"));
    (receiver, url)
}

fn notification(receiver: &Receiver, url: &Url, body: &str) -> RequestBuilder {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url.clone()).bearer_auth(receiver.token().expose());
    request.header(CONTENT_TYPE, "application/json").body(body.to_owned())
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

/// Without waiting: the notification has already been responded to.
async fn received(receiver: &mut Receiver) -> Option<Notification> {
    receiver.receive(Instant::now() + Duration::from_millis(1)).await
}

/// CIBA §10.2
#[tokio::test]
async fn a_ping_about_this_request_is_answered_204() {
    let (mut receiver, url) = expecting(Mode::Ping).await;
    assert_eq!(status(notification(&receiver, &url, PING)).await, 204);
    assert!(matches!(received(&mut receiver).await, Some(Notification::Ping)));
}

/// CIBA §10.3.1
#[tokio::test]
async fn pushed_tokens_are_taken() {
    let (mut receiver, url) = expecting(Mode::Push).await;
    assert_eq!(status(notification(&receiver, &url, TOKENS)).await, 204);
    let Some(Notification::Tokens(tokens)) = received(&mut receiver).await else { panic!("tokens") };
    assert_eq!(tokens.id_token.expose(), "i");
}

/// CIBA §12
#[tokio::test]
async fn a_pushed_error_is_taken() {
    let (mut receiver, url) = expecting(Mode::Push).await;
    let body = r#"{"auth_req_id":"the-request","error":"access_denied"}"#;
    assert_eq!(status(notification(&receiver, &url, body)).await, 204);
    let Some(Notification::Refused(refusal)) = received(&mut receiver).await else { panic!("an error") };
    assert_eq!(refusal.error, "access_denied");
}

/// The OP cannot know whether its notification arrived, so it may repeat it.
#[tokio::test]
async fn a_repetition_is_answered_as_the_first_was_and_counts_once() {
    let (mut receiver, url) = expecting(Mode::Push).await;
    for _ in 0..3 {
        assert_eq!(status(notification(&receiver, &url, TOKENS)).await, 204);
    }
    assert!(received(&mut receiver).await.is_some());
    assert!(received(&mut receiver).await.is_none());
}

#[tokio::test]
async fn a_notification_before_the_acknowledgement_waits_for_it() {
    let (mut receiver, url) = receiver(Mode::Ping).await;
    let sent = tokio::spawn(status(notification(&receiver, &url, PING)));
    assert!(receiver.receive(Instant::now() + Duration::from_millis(50)).await.is_none());
    receiver.expect(&Secret::from("the-request"));
    assert_eq!(sent.await.unwrap(), 204);
    assert!(received(&mut receiver).await.is_some());
}

#[tokio::test]
async fn whoever_has_not_the_token_is_401_and_told_how() {
    let (mut receiver, url) = expecting(Mode::Ping).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = receiver.token().expose().to_owned();
    let wrong = [
        format!("Bearer {}", &token[1..]),
        format!("Bearer {token}x"),
        format!("Basic {token}"),
        token.clone(),
        "Bearer ".to_owned(),
    ];
    for authorization in wrong.iter().map(Some).chain([None]) {
        let mut request = http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(PING);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{authorization:?}");
        assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer");
    }
    assert!(received(&mut receiver).await.is_none());
}

#[tokio::test]
async fn another_path_is_404_and_another_method_405() {
    let (receiver, url) = expecting(Mode::Ping).await;
    assert_eq!(status(notification(&receiver, &url.join("/other").unwrap(), PING)).await, 404);
    assert_eq!(status(reqwest::Client::builder().no_proxy().build().unwrap().get(url)).await, 405);
}

#[tokio::test]
async fn what_is_not_this_requests_notification_is_400() {
    let other = PING.replace("the-request", "another");
    let cases = [
        (Mode::Ping, &*other),
        (Mode::Ping, TOKENS),
        (Mode::Ping, "{}"),
        (Mode::Ping, "[]"),
        (Mode::Ping, "no JSON"),
        (Mode::Push, PING),
        (Mode::Push, &TOKENS.replace("the-request", "another")),
        (Mode::Push, &TOKENS.replace("Bearer", "DPoP")),
        (Mode::Push, &TOKENS.replace("id_token", "other")),
    ]
    .map(|(mode, body)| (mode, body.to_owned()));
    for (mode, body) in cases {
        let (mut receiver, url) = expecting(mode).await;
        assert_eq!(status(notification(&receiver, &url, &body)).await, 400, "{mode:?} {body}");
        assert!(received(&mut receiver).await.is_none(), "{mode:?} {body}");
    }
}

#[tokio::test]
async fn a_notification_that_is_no_json_by_its_type_is_400() {
    let (mut receiver, url) = expecting(Mode::Ping).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = || http.post(url.clone()).bearer_auth(receiver.token().expose()).body(PING);
    assert_eq!(status(request()).await, 400);
    assert_eq!(status(request().header(CONTENT_TYPE, "text/plain")).await, 400);
    assert_eq!(status(request().header(CONTENT_TYPE, "application/json; charset=utf-8")).await, 204);
    assert!(received(&mut receiver).await.is_some());
}

/// CIBA §7.1: at least 128 bits of entropy, at most 1024 characters.
#[tokio::test]
async fn each_request_has_a_notification_token_of_its_own() {
    let (one, _) = receiver(Mode::Ping).await;
    let (other, _) = receiver(Mode::Ping).await;
    assert_ne!(one.token(), other.token());
    assert_eq!(one.token().expose().len(), 43);
}

#[test]
fn what_was_pushed_is_not_in_the_debug_output() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    let body =
        json!({"auth_req_id": "r", "access_token": "hidden1", "token_type": "Bearer", "id_token": "hidden2"});
    let read = read(Mode::Push, &Secret::from("r"), &headers, body.to_string().as_bytes());
    assert!(!format!("{:?}", read.unwrap()).contains("hidden"));
}
