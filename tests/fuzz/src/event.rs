//! What Lambda hands over: the event of an HTTP API, which is made of what a stranger sent.

use ciba::http::{Body, bearer, browser, dpop, event, form, json};
use lambda_http::http::HeaderValue;
use serde_json::Value;

/// An event is refused, or it is a request with the method, the path and the body that it names, which every reader of requests
/// can look at.
pub fn event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(input) else { return };
    let Ok(request) = event::request(&event) else { return };
    assert_eq!(event["requestContext"]["http"]["method"], request.method().as_str(), "another method");
    assert!(request.uri().path().starts_with('/') && request.uri().query().is_none(), "{}", request.uri());
    let headers = event["headers"].as_object().into_iter().flatten();
    let headers = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
    assert_eq!(headers.clone().count(), request.headers().len(), "a header is left out");
    for (name, value) in headers {
        let read = request.headers().get(name.as_str()).map(HeaderValue::as_bytes);
        assert_eq!(read, value.as_str().map(str::as_bytes), "another {name}");
    }
    if event["isBase64Encoded"] != true {
        let body = match request.body() {
            Body::Text(text) => Some(text.as_str()),
            Body::Binary(_) | Body::Empty | _ => None,
        };
        assert_eq!(body, event["body"].as_str(), "another body");
    }
    let _ = (bearer::is_in_query(&request), bearer::token(&request), dpop::presented(&request).is_ok());
    let _ = (browser::wants_page(&request), browser::sends_form(&request), browser::language(&request));
    let _ = browser::is_same_origin(&request, "https://op.example");
    let _ = (form::read(&request).is_ok(), json::read::<Value>(&request).is_ok());
}
