//! `Authorization: Bearer` (RFC 6750 §2.1).

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::{Request, RequestExt};

/// Whether a token stands in the URL, where it ends up in logs (RFC 9700 §4.3.2).
pub fn is_in_query(request: &Request) -> bool {
    request.query_string_parameters_ref().is_some_and(|query| query.first("access_token").is_some())
}

/// The bearer token. `None` if there is none; a token in the query or the body is never looked for.
pub fn token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && is_token68(token)).then_some(token)
}

/// What credentials of one word are made of (RFC 9110 §11.2).
pub(super) fn is_token68(text: &str) -> bool {
    let is_of_it =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    !text.is_empty() && text.bytes().all(is_of_it)
}
