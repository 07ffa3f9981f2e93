//! Turns a function's result into an HTTP response.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::template::CopiedHeader;

/// The name that the service gives to `WWW-Authenticate` of a function.
const RENAMED: &str = "x-amzn-remapped-www-authenticate";

/// The response that a payload describes, after the service has changed its headers: it renames the challenge, and then
/// follows the integration's parameters. What it does if there is nothing to copy is not documented; here, nothing.
/// `None` if the payload is malformed.
pub(super) fn response(payload: &Value, copied: &[CopiedHeader]) -> Option<Response> {
    let mut response = described(payload)?;
    let status = response.status();
    let headers = response.headers_mut();
    let challenges: Vec<_> = headers.get_all(header::WWW_AUTHENTICATE).iter().cloned().collect();
    headers.remove(header::WWW_AUTHENTICATE);
    challenges.into_iter().for_each(|challenge| _ = headers.append(RENAMED, challenge));
    for CopiedHeader { from, to, .. } in copied.iter().filter(|it| it.status == status) {
        if let Some(value) = headers.get(from.as_str()).cloned() {
            headers.insert(to.parse::<HeaderName>().ok()?, value);
        }
    }
    Some(response)
}

/// A payload without `statusCode` is itself the body of a 200, as in payload format 2.0.
fn described(payload: &Value) -> Option<Response> {
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
        let response = described(&json!({
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

    /// What the service says of `WWW-Authenticate` of a function.
    #[test]
    fn a_challenge_is_renamed_and_a_copy_takes_its_place() {
        let payload = |status: u16| json!({"statusCode": status, "headers": {"www-authenticate": "Basic", "own": "Bearer"}, "body": "{}"});
        let copied = CopiedHeader { status: 401, from: "own".into(), to: "www-authenticate".into() };
        let challenge = |status: u16, copied: &[CopiedHeader]| {
            let response = response(&payload(status), copied).unwrap();
            assert_eq!(response.headers()["x-amzn-remapped-www-authenticate"], "Basic");
            let value = response.headers().get("www-authenticate");
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(challenge(401, &[]), None);
        assert_eq!(challenge(401, std::slice::from_ref(&copied)).as_deref(), Some("Bearer"));
        assert_eq!(challenge(403, std::slice::from_ref(&copied)), None, "of another status");
        let absent = CopiedHeader { from: "absent".into(), ..copied };
        assert_eq!(challenge(401, &[absent]), None);
    }

    #[tokio::test]
    async fn a_payload_without_a_status_is_the_body_of_a_200() {
        let response = described(&json!({"a": 1})).unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(body(response).await, br#"{"a":1}"#);
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded() {
        let response =
            described(&json!({"statusCode": 200, "body": "/w==", "isBase64Encoded": true})).unwrap();
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
            assert!(response(&payload, &[]).is_none(), "{payload}");
        }
    }
}
