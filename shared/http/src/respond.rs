//! Builds all responses.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, PRAGMA, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, STRICT_TRANSPORT_SECURITY, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::event::Unreadable;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::person::ticket::TicketSecret;
use ciba_core::page::{Language, Page, me_path, page_path, ticket_path};
use ciba_core::protocol::discovery::METHODS as DOCUMENT_METHODS;
use ciba_core::protocol::dpop;
use ciba_core::protocol::error::{CHALLENGE_HEADER, Challenge, ProtocolError, Refusal};
use ciba_flows::{Invocation, log};

/// A successful response that must not be cached (RFC 6749 §5.1).
pub fn ok(body: &impl Serialize) -> Response<Body> {
    build(200, body, None)
}

/// A successful response without content. SDKs parse the body of any 200, so it is an empty object.
pub fn done() -> Response<Body> {
    ok(&json!({}))
}

/// The CORS preflight response of endpoints that take a token.
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

/// Makes a response readable by every web page (CORS): the endpoint is protected by the token, not by a cookie.
pub fn readable_by_pages(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "www-authenticate, ciba-www-authenticate, dpop-nonce, x-fapi-interaction-id",
        ),
    );
    response
}

/// The CORS preflight response of public documents: a page may send any header, and no header has an effect.
pub fn document_preflight() -> Response<Body> {
    let mut response = preflight(DOCUMENT_METHODS);
    let headers = response.headers_mut();
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    response
}

/// A public document that may be cached for `max_age`. Somebody who has it already is told so, without its text
/// (RFC 9110 §13.1.2).
pub fn cacheable(request: &Request, document: &impl Serialize, max_age: Duration) -> Response<Body> {
    let mut response = build(200, document, Some(max_age));
    let etag = etag(response.body());
    if is_known(request, &etag) {
        *response.status_mut() = lambda_http::http::StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::Empty;
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response.headers_mut().extend(HeaderValue::try_from(etag).ok().map(|etag| (ETAG, etag)));
    // Every web page may read these documents.
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The entity tag of a document: the same text has the same tag in every function and after every start.
fn etag(document: &Body) -> String {
    let hash = digest(&SHA256, document.as_ref());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

/// Whether the caller has the document with this tag. Tags are compared weakly (RFC 9110 §8.8.3.2, §13.1.2).
fn is_known(request: &Request, etag: &str) -> bool {
    let fields = request.headers().get_all(IF_NONE_MATCH).into_iter();
    let known = fields.filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(','));
    known.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Sets the nonce that the caller's next proof must contain, as a single header (RFC 9449 §8).
pub fn with_dpop_nonce(mut response: Response<Body>, nonce: &str) -> Response<Body> {
    let nonce = HeaderValue::try_from(nonce).ok();
    let name = HeaderName::from_static(dpop::NONCE_HEADER);
    response.headers_mut().extend(nonce.map(|nonce| (name, nonce)));
    response
}

/// The error response for a refusal, as the endpoint's protocol defines it. This is the only place where it is
/// logged.
pub fn refusal<E: ProtocolError>(refusal: &Refusal<E>, invocation: &Invocation) -> Response<Body> {
    log::refused(refusal, invocation.now);
    let answer = refusal.error.answer();
    let description = match &refusal.scope_value {
        Some(value) => format!("{}: {value}", answer.description),
        None => answer.description.to_owned(),
    };
    debug_assert!(
        description.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
        "{description}"
    );
    let mut body = json!({ "error": answer.code, "error_description": description });
    if let Some((member, seconds)) = answer.time {
        body[member] = json!(seconds);
    }
    for (name, value) in answer.challenges.iter().flat_map(Challenge::parameters) {
        body[*name] = value.clone();
    }
    let mut response = build(answer.status, &body, None);
    let headers = response.headers_mut();
    headers.extend(refusal.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    headers.extend(answer.allow.map(|methods| (ALLOW, HeaderValue::from_static(methods))));
    let challenges: Vec<_> = answer.challenges.iter().map(Challenge::to_string).collect();
    let challenge = HeaderValue::try_from(challenges.join(", ")).ok().filter(|it| !it.is_empty());
    for name in [WWW_AUTHENTICATE, HeaderName::from_static(CHALLENGE_HEADER)] {
        headers.extend(challenge.clone().map(|value| (name, value)));
    }
    response
}

/// The response to an event that is not a valid request. No endpoint is known yet, so the error is one that all
/// endpoints have in common.
pub fn unreadable(Unreadable(why): Unreadable, invocation: &Invocation) -> Response<Body> {
    log::unreadable(why, invocation.now);
    build(400, &json!({ "error": "invalid_request", "error_description": why }), None)
}

/// The Content Security Policy of a page: only scripts and styles with the nonce, connections only to this
/// provider, no framing. The empty icon is a data URL.
fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Denies browser features that a page does not need, and allows those that passkeys need.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), accelerometer=(), \
    autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), usb=()";

/// A page for a person's browser. Its URL contains a link's secret and its body a nonce, so it must not be cached
/// or framed, and other sites get no referrer.
pub fn page(page: Page) -> Response<Body> {
    let mut response = build(page.status, &(), None);
    let headers = response.headers_mut();
    let policy = content_security_policy(&page.nonce);
    // If the nonce is not a valid header value, the page gets no scripts at all.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, page.language.tag()),
        (VARY, "Accept-Language"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not "no-referrer": forms would be sent without the `Origin` by which older browsers identify the page.
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

/// Where a browser is sent. There is nowhere else: no path and no parameter of a caller is part of it.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The authorization endpoint of a configured login issuer.
    Issuer(Url),
    /// The page of a request, in the language that the person chose.
    Request(RequestKey, Option<Language>),
    /// The person's own place.
    Me(Option<Language>),
    /// The page of a ticket that the person has just got.
    Ticket(TicketSecret, Option<Language>),
}

/// Sends a browser on with GET (RFC 9110 §15.4.4). The URL that leads here may contain a code: it is no referrer.
pub fn redirect(destination: &Destination) -> Response<Body> {
    let location = match destination {
        Destination::Issuer(url) => url.as_str().to_owned(),
        Destination::Request(key, chosen) => page_path(key, *chosen),
        Destination::Me(chosen) => me_path(*chosen),
        Destination::Ticket(ticket, chosen) => ticket_path(ticket, *chosen),
    };
    let mut response = build(303, &(), None);
    *response.body_mut() = Body::Empty;
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.extend(HeaderValue::try_from(location).ok().map(|location| (LOCATION, location)));
    response
}

/// Adds cookies to a response.
pub fn with_cookies(
    mut response: Response<Body>,
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> Response<Body> {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
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
    use ciba_core::page::{Frame, Operator, trouble};

    const BANK: Operator = Operator { name: "Meridian Bank", contact: None };

    /// HYG-1-08, HYG-1-10
    #[test]
    fn a_page_may_do_little_is_kept_by_nobody_and_framed_by_nobody() {
        let response = page(trouble(&Frame {
            language: Language::German,
            chosen: None,
            operator: BANK,
            nonce: "bm9uY2U",
        }));
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
        let response = page(trouble(&Frame {
            language: Language::English,
            chosen: None,
            operator: BANK,
            nonce: "a\nb",
        }));
        assert_eq!(response.headers()["content-security-policy"], "default-src 'none'");
    }
}
