//! Responses: the only place where one is built.

use std::time::Duration;

use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::json;

use crate::domain::request_key::RequestKey;
use crate::http::log;
use crate::protocol::error::{ProtocolError, Refusal};

/// A successful answer that nobody may keep (`HYG-1-08`).
pub fn ok(body: &impl Serialize) -> Response<Body> {
    build(200, body, None)
}

/// Success about which there is nothing to say. SDKs parse whatever comes with 200, so it is an empty object.
pub fn done() -> Response<Body> {
    ok(&json!({}))
}

/// What a browser asks before a page may send a token (`HYG-1-11`).
pub fn preflight(methods: &'static str) -> Response<Body> {
    let mut response = readable_by_pages(done());
    *response.body_mut() = Body::Empty;
    *response.status_mut() = lambda_http::http::StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization"));
    response
}

/// An answer that every web page may read: what opens the endpoint is the token, not a cookie (`HYG-1-11`).
pub fn readable_by_pages(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate"));
    response
}

/// A successful answer that everybody may keep for `max_age`: discovery and keys only (`TOK-11-08`).
pub fn cacheable(body: &impl Serialize, max_age: Duration) -> Response<Body> {
    let mut response = build(200, body, Some(max_age));
    // Public documents; every web page may read them (`HYG-1-11`).
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// A refusal, in the form of the endpoint's protocol. Logged once, here; polling as usual is not worth a line.
pub fn refusal<E: ProtocolError>(refusal: &Refusal<E>) -> Response<Body> {
    let error = refusal.error;
    let (code, description) = (error.code(), error.description());
    debug_assert!(
        description.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
        "{description}"
    );
    if !matches!(code, "authorization_pending" | "slow_down") {
        let level = if error.status() >= 500 { "error" } else { "info" };
        log::line(
            level,
            "refused",
            [
                ("status", error.status().into()),
                ("error", code.into()),
                ("description", description.into()),
                ("detail", refusal.detail.clone().into()),
            ],
        );
    }
    let mut response =
        build(error.status(), &json!({ "error": code, "error_description": description }), None);
    let headers = response.headers_mut();
    headers.extend(refusal.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    headers.extend(error.allow().map(|methods| (ALLOW, HeaderValue::from_static(methods))));
    let challenge = error.challenge().and_then(|text| HeaderValue::try_from(text).ok());
    headers.extend(challenge.map(|value| (WWW_AUTHENTICATE, value)));
    response
}

/// One line for a step that succeeded, with the hash that joins the lines of one request.
pub fn log_step(event: &str, request: &RequestKey) {
    log::line("info", event, [("request", request.correlation().into())]);
}

/// One line for a channel that did not lead to its person, so that falling over to the next one is not silent
/// (`ATK-7-06`): an operator has to enrol the person anew.
pub fn log_unreachable(request: &RequestKey, channel: &str, why: &str) {
    let fields =
        [("request", request.correlation().into()), ("channel", channel.into()), ("detail", why.into())];
    log::line("warn", "unreachable", fields);
}

fn build(status: u16, body: &impl Serialize, max_age: Option<Duration>) -> Response<Body> {
    let cache = match max_age {
        None => "no-store".to_owned(),
        Some(age) => format!("public, max-age={}", age.as_secs()),
    };
    let text = serde_json::to_string(body).unwrap_or_else(|_| r#"{"error":"server_error"}"#.to_owned());
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() =
        status.try_into().unwrap_or(lambda_http::http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    if max_age.is_none() {
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    if let Ok(cache) = HeaderValue::from_str(&cache) {
        headers.insert(CACHE_CONTROL, cache);
    }
    response
}
