//! `Authorization: Bearer` (RFC 6750 §2.1).

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::{Request, RequestExt};

/// Whether there is an access token in the URL, where it would end up in logs (RFC 9700 §4.3.2).
pub fn is_in_query(request: &Request) -> bool {
    request.query_string_parameters_ref().is_some_and(|query| query.first("access_token").is_some())
}

/// The bearer token in `Authorization`, if there is one; a token in the query or the body is never used.
pub fn token(request: &Request) -> Option<&str> {
    let (scheme, token) = credentials(request.headers().get(AUTHORIZATION)?.to_str().ok()?)?;
    (scheme.eq_ignore_ascii_case("bearer") && is_token68(token)).then_some(token)
}

/// Scheme and credentials, separated by one or more spaces (RFC 9110 §11.4).
pub(super) fn credentials(value: &str) -> Option<(&str, &str)> {
    let (scheme, credentials) = value.trim_matches([' ', '\t']).split_once(' ')?;
    Some((scheme, credentials.trim_start_matches(' ')))
}

/// Whether a text consists of the characters of `token68` (RFC 9110 §11.2). This does not check that `=` occurs
/// only at the end.
pub(super) fn is_token68(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 §11.2, §11.4
    #[test]
    fn a_scheme_is_followed_by_spaces_and_one_word() {
        for (value, read) in [
            ("Bearer a.b.c", Some(("Bearer", "a.b.c"))),
            ("Bearer   a.b.c", Some(("Bearer", "a.b.c"))),
            (" Bearer a.b.c\t", Some(("Bearer", "a.b.c"))),
            ("Bearer\ta.b.c", None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(credentials(value), read, "{value:?}");
        }
        for text in ["a", "a.b-c_d~e+f/0", "YQ==", "YQ="] {
            assert!(is_token68(text), "{text}");
        }
        for text in ["", "a b", "a,b", "\"a\"", "ä"] {
            assert!(!is_token68(text), "{text}");
        }
    }
}
