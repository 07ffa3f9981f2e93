//! The interaction id (FAPI 1.0 Baseline §6.2.1), by which a call can be found in the client's log and in this
//! provider's.

use std::time::{Duration, UNIX_EPOCH};

use ciba_core::domain::base::time::Timestamp;
use ciba_flows::{Invocation, log};
use httpdate::fmt_http_date;
use lambda_http::http::header::DATE;
use lambda_http::http::{HeaderName, HeaderValue};
use lambda_http::{Body, Request, Response};
use uuid::fmt::Hyphenated;
use uuid::{Builder, Uuid};

/// The name of the header, in lower case, because header names are compared in lower case.
pub const HEADER: &str = "x-fapi-interaction-id";

/// Adds to a resource's response the date and the client's interaction id, or a new id if the client sent no
/// valid one.
pub fn answered(request: &Request, response: Response<Body>, invocation: &Invocation) -> Response<Body> {
    let id = sent(request).map_or_else(|| random_uuid(invocation.random()), str::to_owned);
    named(response, &id, invocation.now)
}

/// Adds the interaction id, which is logged as well, and the date.
fn named(mut response: Response<Body>, id: &str, now: Timestamp) -> Response<Body> {
    log::answered(id, response.status().as_u16(), now);
    let date = fmt_http_date(UNIX_EPOCH + Duration::from_millis(now.millis().unsigned_abs()));
    let named = [(HeaderName::from_static(HEADER), id), (DATE, &date)];
    let named =
        named.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
    response.headers_mut().extend(named);
    response
}

/// Adds the client's interaction id to any endpoint's response, if the client sent a valid one.
pub(super) fn echoed(request: &Request, mut response: Response<Body>) -> Response<Body> {
    let name = sent(request).and_then(|id| HeaderValue::try_from(id).ok());
    if let Some(name) = name {
        response.headers_mut().entry(HEADER).or_insert(name);
    }
    response
}

/// The client's interaction id, if it is a single UUID in text form (RFC 9562 §4). Anything else would let the
/// client write arbitrary text to the log.
fn sent(request: &Request) -> Option<&str> {
    let mut all = request.headers().get_all(HEADER).iter();
    let one = all.next()?.to_str().ok().filter(|text| is_uuid(text))?;
    all.next().is_none().then_some(one)
}

fn is_uuid(text: &str) -> bool {
    text.len() == Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn random_uuid(bytes: [u8; 16]) -> String {
    Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_made_is_one_that_would_be_taken() {
        for byte in [0x00, 0x5a, 0xff] {
            let id = random_uuid([byte; 16]);
            assert!(is_uuid(&id), "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        }
        for text in [
            "",
            "-",
            "c770aef3-6784-41f7-8e0e-ff5f97bddb3",
            "c770aef3678441f78e0eff5f97bddb3a",
            "{c770aef3-6784-41f7-8e0e-ff5f97bddb3a}",
            "g770aef3-6784-41f7-8e0e-ff5f97bddb3a",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
