//! The headers of DPoP (RFC 9449): the proof in a request, and the nonce in a response.

use lambda_http::{Body, Request, Response};

use crate::respond;
use ciba_aws::keys::KeyRings;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::protocol::dpop::{HEADER, MAX_PROOF};

/// The proof of a request, if there is one. The error is for the client.
///
/// There must be only one proof (RFC 9449 §4.3). API Gateway joins repeated headers with commas, which no proof
/// contains, so two proofs are seen as a malformed one.
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

/// Adds the nonce for the next proof if the request has a proof, valid or not, so that a polling client never has
/// to fetch a nonce separately (RFC 9449 §8.2). Without keys the response remains unchanged.
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
