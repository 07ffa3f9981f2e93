//! The gateway in front of a stand-in for Lambda's invoke API.

use axum::{extract::Path, routing::post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::server::listen;

/// `echo` returns its event, `fail` responds like a function whose handler failed, `slow` never responds.
async fn invoke(Path(function): Path<String>, Json(event): Json<Value>) -> Response {
    match function.as_str() {
        "echo" => Json(event).into_response(),
        "fail" => Json(json!({"errorType": "Error", "errorMessage": "secret"})).into_response(),
        "slow" => std::future::pending().await,
        _ => (StatusCode::NOT_FOUND, "no such function").into_response(),
    }
}

async fn start() -> (Server, Server) {
    let functions = Router::new().route("/2015-03-31/functions/{function}/invocations", post(invoke));
    let functions = Server::start(listen(0).await.unwrap(), functions).unwrap();
    let routes = ["echo", "fail", "slow", "gone"].map(|name| Route {
        method: "ANY".into(),
        path: format!("/{name}"),
        function: name.into(),
        copied_headers: Vec::new(),
    });
    let patience = Duration::from_millis(200);
    let listener = listen(0).await.unwrap();
    let gateway = serve_with_timeout(listener, routes.to_vec(), &functions.url(), patience).unwrap();
    (gateway, functions)
}

async fn get(path: &str) -> (StatusCode, Value) {
    let (gateway, _functions) = start().await;
    let response = reqwest::get(format!("{}{path}", gateway.url())).await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn an_event_reaches_the_function_and_its_answer_the_client() {
    let (status, event) = get("/echo?a=b").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(event["routeKey"], "ANY /echo");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
}

/// HYG-1-17: the service looks at none of these; what becomes of them is the function's business.
#[tokio::test]
async fn an_odd_host_path_query_and_body_are_passed_on() {
    let (gateway, _functions) = start().await;
    let address = gateway.url().replace("http://", "");
    for (host, target, path, query) in [
        ("[", "/echo", "/echo", ""),
        ("a b", "/%65cho", "/echo", ""),
        ("x:99999999", "/echo%3Fa?%3F", "/echo", "%3F"),
        ("a,b", "/echo?a=\"<b>\"&%!22", "/echo", "a=\"<b>\"&%!22"),
    ] {
        let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let event: Value = serde_json::from_str(answer.rsplit("\r\n\r\n").next().unwrap()).unwrap();
        assert_eq!((&event["headers"]["host"], &event["rawPath"]), (&json!(host), &json!(path)), "{answer}");
        assert_eq!((&event["rawQueryString"], &event["isBase64Encoded"]), (&json!(query), &json!(true)));
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    assert_eq!(get("/echo/").await, (StatusCode::NOT_FOUND, json!({"message": "Not Found"})));
}

#[tokio::test]
async fn a_failed_invocation_says_nothing_of_why() {
    let refusal = (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "Internal Server Error"}));
    assert_eq!(get("/fail").await, refusal);
    assert_eq!(get("/gone").await, refusal);
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_unavailable() {
    let refusal = (StatusCode::SERVICE_UNAVAILABLE, json!({"message": "Service Unavailable"}));
    assert_eq!(get("/slow").await, refusal);
}

/// HYG-1-07
#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let (gateway, _functions) = start().await;
    let request = reqwest::Client::new().get(format!("{}/echo", gateway.url()));
    let response = request.header("x-large", "x".repeat(HEADER_LIMIT)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

/// HYG-1-07
#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let (gateway, _functions) = start().await;
    let request = reqwest::Client::new().post(format!("{}/echo", gateway.url()));
    let response = request.body(vec![0; BODY_LIMIT + 1]).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
