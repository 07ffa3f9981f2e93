//! Requests as the functions get them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba::http::{Body, Request};

/// A request, with or without a body.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let mut request = Request::new(body.into());
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = path.parse().expect("a path");
    for (name, value) in headers {
        let name: lambda_http::http::HeaderName = name.parse().expect("a header name");
        request.headers_mut().insert(name, value.parse().expect("a header value"));
    }
    request
}

/// A form POST. API Gateway hands form bodies over as bytes.
pub fn form_request(path: &str, authorization: Option<&str>, body: &str) -> Request {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    request("POST", path, &headers, body.as_bytes().to_vec())
}

/// A call of the consent API.
pub fn json_request(method: &str, path: &str, bearer: Option<&str>, body: &str) -> Request {
    let authorization = bearer.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    request(method, path, &headers, body.to_owned())
}

/// A form body of these parameters.
pub fn form(parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        let bytes = text.bytes().map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        });
        bytes.collect::<String>()
    };
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// `Authorization` of `client_secret_basic`.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}
