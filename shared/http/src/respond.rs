//! Responses: the only place where one is built.

use std::time::Duration;

use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderName, HeaderValue, PRAGMA, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::json;

use crate::event::Unreadable;
use ciba_core::page::Page;
use ciba_core::protocol::discovery::METHODS as DOCUMENT_METHODS;
use ciba_core::protocol::dpop;
use ciba_core::protocol::error::{ProtocolError, Refusal};
use ciba_flows::log;

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
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, dpop, x-fapi-interaction-id"),
    );
    response
}

/// An answer that every web page may read: what opens the endpoint is the token, not a cookie (`HYG-1-11`).
pub fn readable_by_pages(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("www-authenticate, dpop-nonce, x-fapi-interaction-id"),
    );
    response
}

/// What a browser asks before a page may fetch a public document in its own way: it may send any header, and none of
/// them matters (`HYG-1-11`).
pub fn document_preflight() -> Response<Body> {
    let mut response = preflight(DOCUMENT_METHODS);
    let headers = response.headers_mut();
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    response
}

/// A successful answer that everybody may keep for `max_age`: discovery and keys only (`TOK-11-08`).
pub fn cacheable(body: &impl Serialize, max_age: Duration) -> Response<Body> {
    let mut response = build(200, body, Some(max_age));
    // Public documents; every web page may read them (`HYG-1-11`).
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The answer, with the nonce that the caller's next proof has to have: exactly one (`TOK-4-09`).
pub fn with_dpop_nonce(mut response: Response<Body>, nonce: &str) -> Response<Body> {
    let nonce = HeaderValue::try_from(nonce).ok();
    let name = HeaderName::from_static(dpop::NONCE_HEADER);
    response.headers_mut().extend(nonce.map(|nonce| (name, nonce)));
    response
}

/// A refusal, in the form of the endpoint's protocol. Logged once, here.
pub fn refusal<E: ProtocolError>(refusal: &Refusal<E>) -> Response<Body> {
    log::refused(refusal);
    let answer = refusal.error.answer();
    let description = match &refusal.scope_value {
        Some(value) => format!("{}: {value}", answer.description),
        None => answer.description.to_owned(),
    };
    debug_assert!(
        description.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
        "{description}"
    );
    let body = json!({ "error": answer.code, "error_description": description });
    let mut response = build(answer.status, &body, None);
    let headers = response.headers_mut();
    headers.extend(refusal.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    headers.extend(answer.allow.map(|methods| (ALLOW, HeaderValue::from_static(methods))));
    let challenge = answer.challenge.and_then(|text| HeaderValue::try_from(text).ok());
    headers.extend(challenge.map(|value| (WWW_AUTHENTICATE, value)));
    response
}

/// An event that no function can read as a request. It is nobody's protocol yet, so it gets the error that all of them have.
pub fn unreadable(Unreadable(why): Unreadable) -> Response<Body> {
    log::unreadable(why);
    build(400, &json!({ "error": "invalid_request", "error_description": why }), None)
}

/// What a page's browser may do: run and draw what carries the nonce, talk to this provider, and nothing else
/// (`HYG-1-10`). The empty icon is a data URL.
fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Features that browsers would otherwise give a page; it keeps what passkeys need.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), accelerometer=(), \
    autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), usb=()";

/// A page for a person's browser. It has a link's secret in its address and a nonce in its text: nobody keeps it, frames
/// it, or is told where the person came from.
pub fn page(page: Page) -> Response<Body> {
    let mut response = build(page.status, &(), None);
    let headers = response.headers_mut();
    let policy = content_security_policy(&page.nonce);
    // A nonce that is not fit for a header leaves the page without any script.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, page.language.tag()),
        (VARY, "Accept-Language"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not "no-referrer": with that a form has no origin, by which older browsers show whose form it is.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if page.status == 503 {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    *response.body_mut() = Body::Text(page.html);
    response
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

#[cfg(test)]
mod tests {
    use super::*;
    use ciba_core::page::{Language, trouble};

    /// HYG-1-08, HYG-1-10
    #[test]
    fn a_page_may_do_little_is_kept_by_nobody_and_framed_by_nobody() {
        let response = page(trouble(Language::German, "Meridian Bank", "bm9uY2U"));
        let headers = response.headers();
        let value = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(value("content-type"), "text/html; charset=utf-8");
        assert_eq!(value("cache-control"), "no-store");
        let policy: Vec<_> = value("content-security-policy").split("; ").map(str::trim).collect();
        let strict = [
            "default-src 'none'",
            "script-src 'nonce-bm9uY2U'",
            "style-src 'nonce-bm9uY2U'",
            "connect-src 'self'",
            "img-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ];
        assert_eq!(policy, strict);
        assert_eq!(value("x-frame-options"), "DENY");
        assert_eq!(value("x-content-type-options"), "nosniff");
        assert_eq!(value("referrer-policy"), "same-origin");
        assert_eq!(value("cross-origin-opener-policy"), "same-origin");
        assert_eq!(value("content-language"), "de");
        assert_eq!(value("vary"), "Accept-Language");
        assert!(value("strict-transport-security").starts_with("max-age=63072000"));
        assert!(value("permissions-policy").starts_with("publickey-credentials-get=(self), "));
        assert_eq!(value("permissions-policy").matches("(self)").count(), 2);
    }

    #[test]
    fn a_nonce_that_fits_no_header_lets_nothing_run() {
        let response = page(trouble(Language::English, "Meridian Bank", "a\nb"));
        assert_eq!(response.headers()["content-security-policy"], "default-src 'none'");
    }
}
