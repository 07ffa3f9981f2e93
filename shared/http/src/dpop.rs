//! The headers of DPoP (RFC 9449): a proof comes, a nonce goes.

use lambda_http::{Body, Request, Response};

use crate::respond;
use ciba_aws::keys::KeyRings;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::protocol::dpop::{HEADER, MAX_PROOF};

/// The proof of a request, if there is one. The error is for the client.
///
/// API Gateway joins repeated headers by commas, which no proof has, so two of them are one that is malformed (`TOK-4-01`).
pub fn presented(request: &Request) -> Result<Option<&str>, &'static str> {
    let mut headers = request.headers().get_all(HEADER).into_iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err("there is more than one DPoP header"),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| "the DPoP header is not ASCII")?;
            match text.len() {
                ..=MAX_PROOF => Ok(Some(text)),
                _ => Err("the proof is longer than 3 KiB"),
            }
        }
    }
}

/// The answer to a request: whoever sent a proof, good or bad, is told the nonce of the next one, so that a client that
/// goes on polling never has to fetch one (`TOK-4-11`). Without keys it has to do with the answer.
pub async fn with_nonce(
    request: &Request,
    response: Response<Body>,
    keys: &KeyRings,
    now: Timestamp,
) -> Response<Body> {
    if !request.headers().contains_key(HEADER) {
        return response;
    }
    match keys.get(now).await.and_then(|ring| ring.seal_dpop_nonce(now)) {
        Ok(nonce) => respond::with_dpop_nonce(response, &nonce),
        Err(_) => response,
    }
}
