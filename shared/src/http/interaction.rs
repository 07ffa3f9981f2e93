//! The name of a call (FAPI 1.0 Baseline §6.2.1): the client and the log know it by the same one.

use lambda_http::http::HeaderValue;
use lambda_http::{Body, Request, Response};

use crate::flows::Invocation;
use crate::http::respond;

/// In lower case, as headers are compared.
pub const HEADER: &str = "x-fapi-interaction-id";

/// The answer of a resource, named as the client named its call, or by a new name if that is not one, and dated.
pub fn answered(request: &Request, response: Response<Body>, invocation: &Invocation) -> Response<Body> {
    let id = sent(request).map_or_else(|| random_uuid(invocation.random()), str::to_owned);
    respond::with_interaction(response, &id, invocation.now)
}

/// The answer of any endpoint, named as the client named its call. Without a name, or with what is not one, it has none.
pub(super) fn echoed(request: &Request, mut response: Response<Body>) -> Response<Body> {
    let name = sent(request).and_then(|id| HeaderValue::try_from(id).ok());
    if let Some(name) = name {
        response.headers_mut().entry(HEADER).or_insert(name);
    }
    response
}

/// What the client calls it, if that is one well-formed name.
fn sent(request: &Request) -> Option<&str> {
    let mut all = request.headers().get_all(HEADER).iter();
    let one = all.next()?.to_str().ok().filter(|text| is_uuid(text))?;
    all.next().is_none().then_some(one)
}

/// Five groups of hexadecimal digits (RFC 9562 §4). Anything else could say anything in the log.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// RFC 9562 §5.4.
fn random_uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex =
        |range: std::ops::Range<usize>| bytes[range].iter().map(|b| format!("{b:02x}")).collect::<String>();
    [hex(0..4), hex(4..6), hex(6..8), hex(8..10), hex(10..16)].join("-")
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
