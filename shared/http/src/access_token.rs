//! The access token in `Authorization`, with the scheme `Bearer` (RFC 6750 §2.1) or `DPoP` (RFC 9449 §7.1).

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;

use crate::bearer::{credentials, is_token68};
use ciba_core::protocol::access_token::Scheme;

/// The access token of a request, if there is one. The error is for the client.
///
/// API Gateway joins repeated headers with commas, which no token contains. A request must not present its token in
/// more than one way (RFC 6750 §2).
pub fn presented(request: &Request) -> Result<Option<(Scheme, &str)>, &'static str> {
    let mut headers = request.headers().get_all(AUTHORIZATION).into_iter();
    let Some(value) = headers.next() else { return Ok(None) };
    let Some((scheme, token)) = value.to_str().ok().and_then(credentials) else {
        return Ok(None);
    };
    let Some(scheme) = Scheme::parse(scheme) else { return Ok(None) };
    if headers.next().is_some() || token.contains(',') {
        return Err("there is more than one Authorization header");
    }
    Ok(is_token68(token).then_some((scheme, token)))
}
