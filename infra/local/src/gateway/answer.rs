//! Turns a function's result into an HTTP response.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// The response that a payload describes; `None` if it is malformed.
///
/// A payload without `statusCode` is itself the body of a 200, as in payload format 2.0.
pub(super) fn response(payload: &Value) -> Option<Response> {
    let Some(status) = payload.get("statusCode") else {
        let body = payload.as_str().map_or_else(|| payload.to_string(), str::to_owned);
        return finish(StatusCode::OK, HeaderMap::new(), body.into_bytes(), "application/json");
    };
    let status = StatusCode::from_u16(u16::try_from(status.as_u64()?).ok()?).ok()?;
    let body = payload.get("body").and_then(Value::as_str).unwrap_or_default();
    let body = if payload.get("isBase64Encoded").is_some_and(|it| it == true) {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.as_bytes().to_vec()
    };
    finish(status, headers(payload)?, body, "text/plain;charset=UTF-8")
}

fn headers(payload: &Value) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in object(payload, "headers") {
        append(&mut headers, name, value)?;
    }
    for (name, values) in object(payload, "multiValueHeaders") {
        // If a header is in both, the list is complete.
        headers.remove(name.as_str());
        for value in values.as_array()? {
            append(&mut headers, name, value)?;
        }
    }
    for cookie in payload.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        append(&mut headers, header::SET_COOKIE.as_str(), cookie)?;
    }
    Some(headers)
}

fn object<'a>(payload: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    payload.get(name).and_then(Value::as_object).map(Map::iter).into_iter().flatten()
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name: HeaderName = name.parse().ok()?;
    // The framing of the body is up to the server.
    if matches!(name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::CONNECTION) {
        return Some(());
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    headers.append(name, HeaderValue::from_str(&text).ok()?);
    Some(())
}

fn finish(
    status: StatusCode,
    mut headers: HeaderMap,
    body: Vec<u8>,
    default: &'static str,
) -> Option<Response> {
    if !body.is_empty() {
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(default));
    }
    let mut response = Response::builder().status(status).body(Body::from(body)).ok()?;
    *response.headers_mut() = headers;
    Some(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn body(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), 1024).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn status_headers_cookies_and_body_arrive() {
        let response = response(&json!({
            "statusCode": 401,
            "headers": {"content-type": "application/json", "cache-control": "no-store", "content-length": "9"},
            "multiValueHeaders": {"www-authenticate": ["Basic", "Bearer"]},
            "cookies": ["a=1", "b=2"],
            "body": "{}",
        }))
        .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers().get_all("www-authenticate").iter().count(), 2);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers().get("content-length"), None);
        assert_eq!(body(response).await, b"{}");
    }

    #[tokio::test]
    async fn a_payload_without_a_status_is_the_body_of_a_200() {
        let response = response(&json!({"a": 1})).unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(body(response).await, br#"{"a":1}"#);
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded() {
        let response =
            response(&json!({"statusCode": 200, "body": "/w==", "isBase64Encoded": true})).unwrap();
        assert_eq!(body(response).await, [0xff]);
    }

    #[test]
    fn a_malformed_payload_is_no_response() {
        let malformed = [
            json!({"statusCode": 99_999}),
            json!({"statusCode": "x"}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": "c\r\nd: e"}}),
            json!({"statusCode": 200, "body": "not base64!", "isBase64Encoded": true}),
        ];
        for payload in malformed {
            assert!(response(&payload).is_none(), "{payload}");
        }
    }
}
