//! JSON bodies.

use lambda_http::Request;
use lambda_http::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

/// The longest body. Unit: bytes.
const MAX_BODY: usize = 32 * 1024;

/// Reads a JSON body of at most 32 KiB. The error is for the client.
pub fn read<T: DeserializeOwned>(request: &Request) -> Result<T, &'static str> {
    serde_json::from_slice(body(request)?).map_err(|_| "the body does not have the documented members")
}

/// The bytes of a JSON body of at most 32 KiB. The error is for the client.
pub fn body(request: &Request) -> Result<&[u8], &'static str> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err("the media type must be application/json");
    }
    let body: &[u8] = request.body();
    if body.len() > MAX_BODY {
        return Err("the body is longer than 32 KiB");
    }
    Ok(body)
}
