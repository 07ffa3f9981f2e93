//! Form bodies (RFC 6749 §3.2): strict wherever lenient parsers could read the same body differently.

use lambda_http::http::Method;
use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;

use serde_json::Value;

use ciba_core::domain::base::strict_json;
use ciba_core::protocol::parameters::Parameters;

/// The longest body. Unit: bytes.
const MAX_BODY: usize = 32 * 1024;

/// Why a request is not a valid form. The texts are for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAForm {
    /// 405: the endpoint accepts POST only.
    Method,
    Malformed(&'static str),
}

/// The error for any other media type.
pub const NOT_A_FORM: NotAForm =
    NotAForm::Malformed("the media type must be application/x-www-form-urlencoded");

/// The format in which the parameters were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Form,
    Json,
}

/// Reads a form. Checks method, media type, query, size, encoding and duplicates, in this order.
pub fn read(request: &Request) -> Result<Parameters, NotAForm> {
    match written(request)? {
        Written::Form => parse(text(request)?),
        Written::Json => Err(NOT_A_FORM),
    }
}

/// Like [`read`], but a JSON object with string members is accepted as well. The caller checks whether the client
/// may send JSON, which is known only after its authentication.
pub fn read_or_json(request: &Request) -> Result<(Parameters, Written), NotAForm> {
    let written = written(request)?;
    let text = text(request)?;
    let parameters = match written {
        Written::Form => parse(text),
        Written::Json => parse_json(text),
    };
    Ok((parameters?, written))
}

fn written(request: &Request) -> Result<Written, NotAForm> {
    if request.method() != Method::POST {
        return Err(NotAForm::Method);
    }
    match media_type(request) {
        it if it.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Ok(Written::Form),
        it if it.eq_ignore_ascii_case("application/json") => Ok(Written::Json),
        _ => Err(NOT_A_FORM),
    }
}

fn text(request: &Request) -> Result<&str, NotAForm> {
    // Parameters in a URL would end up in logs (RFC 6749 §2.3.1).
    if request.query_string_parameters_ref().is_some_and(|query| !query.is_empty()) {
        return Err(NotAForm::Malformed("parameters belong in the body, not in the query"));
    }
    let body: &[u8] = request.body();
    if body.len() > MAX_BODY {
        return Err(NotAForm::Malformed("the body is longer than 32 KiB"));
    }
    std::str::from_utf8(body).map_err(|_| NotAForm::Malformed("the body is not UTF-8"))
}

pub(super) fn is_form(request: &Request) -> bool {
    media_type(request).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The media type without its parameters.
fn media_type(request: &Request) -> &str {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

/// One object without repeated members whose values are all strings: the JSON equivalent of a form.
fn parse_json(body: &str) -> Result<Parameters, NotAForm> {
    let not_flat = NotAForm::Malformed(
        "the body must be a JSON object whose members are strings, none of them repeated",
    );
    let Some(Value::Object(members)) = strict_json::parse(body.as_bytes()) else { return Err(not_flat) };
    let mut parameters = Parameters::default();
    for (name, value) in members {
        match value {
            Value::String(value) if value.contains('\0') => {
                return Err(NotAForm::Malformed("the body contains a NUL character"));
            }
            Value::String(value) if value.is_empty() => {}
            Value::String(value) => parameters.insert(name, value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(not_flat);
            }
        }
    }
    Ok(parameters)
}

fn parse(body: &str) -> Result<Parameters, NotAForm> {
    let mut form = Parameters::default();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        // An empty parameter counts as absent (RFC 6749 §3.2), however often it is sent.
        if value.is_empty() {
            continue;
        }
        let value = match (form.remove(&name), name.as_str()) {
            (None, _) => value,
            // A Java SDK repeats `acr_values` instead of joining the values; RFC 8707 §2 allows several
            // `resource` parameters. The value is appended in place, so that thousands of values do not cause
            // thousands of copies.
            (Some(mut all), "acr_values" | "resource") => {
                all.push(' ');
                all.push_str(&value);
                all
            }
            (Some(_), _) => return Err(NotAForm::Malformed("a parameter is repeated")),
        };
        form.insert(name, value);
    }
    Ok(form)
}

/// Decodes `+` and percent-encoding. Malformed percent-encoding, invalid UTF-8 and NUL are refused.
pub fn decode(text: &str) -> Result<String, NotAForm> {
    let broken =
        NotAForm::Malformed("the body contains malformed percent-encoding or is not UTF-8 when decoded");
    let whole = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(whole) {
        return Err(broken);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| broken)?;
    if decoded.contains('\0') {
        return Err(NotAForm::Malformed("the body contains a NUL character"));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'f>(form: &'f Parameters, name: &str) -> Option<&'f str> {
        form.get(name)
    }

    /// HYG-1-01, HYG-1-02, CIBA-7.1-27
    #[test]
    fn parameters_are_decoded_and_each_is_there_once() {
        let form = parse("scope=openid+profile&login_hint=%2B49%20151&empty=&acr_values=a&acr_values=b&flag")
            .unwrap();
        assert_eq!(get(&form, "scope"), Some("openid profile"));
        assert_eq!(get(&form, "login_hint"), Some("+49 151"));
        assert_eq!(get(&form, "acr_values"), Some("a b"));
        assert_eq!(get(&form, "empty").or(get(&form, "flag")), None);
        assert_eq!(parse("scope=a&scope=a").unwrap_err(), NotAForm::Malformed("a parameter is repeated"));
        assert_eq!(get(&parse("scope=&scope=a&scope=").unwrap(), "scope"), Some("a"));
        assert!(parse("sc%6Fpe=a&scope=b").is_err(), "a name spelled twice is still one name");
    }

    /// HYG-1-05
    #[test]
    fn broken_encodings_are_refused() {
        for body in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "%f0%28=a", "a=%c3%28"] {
            assert!(parse(body).is_err(), "{body}");
        }
        assert_eq!(get(&parse("a=%c3%a4").unwrap(), "a"), Some("ä"));
    }

    /// HYG-1-01, HYG-1-02, HYG-1-05: as strict as a form.
    #[test]
    fn json_is_a_flat_object_of_texts_each_there_once() {
        let read = parse_json(r#"{"grant_type": "a", "scope": "openid \u00e4", "empty": ""}"#).unwrap();
        assert_eq!((get(&read, "grant_type"), get(&read, "scope")), (Some("a"), Some("openid ä")));
        assert_eq!(get(&read, "empty"), None);
        for body in [
            "",
            "[]",
            "\"a\"",
            "{",
            r#"{"a": 1}"#,
            r#"{"a": null}"#,
            r#"{"a": true}"#,
            r#"{"a": ["b"]}"#,
            r#"{"a": {"b": "c"}}"#,
            r#"{"a": "b", "a": "b"}"#,
            r#"{"a": "b", "\u0061": "c"}"#,
            r#"{"a": "b\u0000"}"#,
            r#"{"a": "b"} {}"#,
            "grant_type=a",
        ] {
            assert!(parse_json(body).is_err(), "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_comes_back(value in "[^\0]{1,40}") {
            let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC).to_string();
            let form = parse(&format!("a={encoded}")).unwrap();
            proptest::prop_assert_eq!(get(&form, "a"), Some(value.as_str()));
        }

        #[test]
        fn no_body_makes_the_parser_panic(body in "\\PC{0,80}|[%&=+a-f0-9]{0,40}") {
            let _ = parse(&body);
        }
    }
}
