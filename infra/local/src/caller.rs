//! The caller of an AWS API: the access key id in an AWS Signature Version 4 header.

use axum::http::{HeaderMap, header::AUTHORIZATION};

/// The access key id of `Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/…`.
///
/// The signature itself is not checked: the doubles have no secrets, and tests need to know which function made the
/// call, not whether it was allowed to.
pub(crate) fn access_key_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = value.split_once("Credential=")?;
    let (id, _) = credential.split_once('/')?;
    Some(id.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_access_key_id_ends_at_the_first_slash() {
        let mut headers = HeaderMap::new();
        let signed = "AWS4-HMAC-SHA256 Credential=TOKEN/20260101/us-east-1/sns/aws4_request, Signature=0";
        headers.insert(AUTHORIZATION, HeaderValue::from_static(signed));
        assert_eq!(access_key_id(&headers).as_deref(), Some("TOKEN"));
    }

    #[test]
    fn an_unsigned_call_has_no_caller() {
        assert_eq!(access_key_id(&HeaderMap::new()), None);
    }
}
