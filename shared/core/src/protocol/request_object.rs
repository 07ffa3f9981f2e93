//! `request` (CIBA §7.1.1): the parameters of an authentication request as the claims of a signed JWT.

use serde_json::{Map, Value};

use crate::domain::base::json_value;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::replay::ReplayGuard;
use crate::domain::base::secret::Secret;
use crate::protocol::parameters::Parameters;

/// The longest signed request. Unit: bytes.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A verified signed request.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// The JWT, byte for byte. It may contain secrets.
    pub text: Secret,
    pub algorithm: JwsAlgorithm,
    /// The public key that verified it, as a JWK.
    pub key: Value,
    /// Prevents its replay.
    pub guard: ReplayGuard,
}

/// The parameters that may be sent together with `request`: those for client authentication, and no others
/// (CIBA §7.1.1).
const BESIDE: [&str; 5] =
    ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
/// The claims about the JWT itself.
const OWN: [&str; 8] = ["iss", "aud", "exp", "iat", "nbf", "jti", "sub", "client_id"];
/// The claims that are not allowed: another request, or a credential.
const NEVER: [&str; 5] =
    ["request", "request_uri", "client_secret", "client_assertion", "client_assertion_type"];
/// The parameters that are strings both in a form and as a claim.
const TEXTS: [&str; 9] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "audience",
];

/// The signed request in a form, if there is one. The error is for the client.
pub fn signed(form: &Parameters) -> Result<Option<&str>, &'static str> {
    if form.contains("request_uri") {
        return Err("request_uri is not supported");
    }
    let Some(request) = form.get("request") else { return Ok(None) };
    if form.names().any(|name| !BESIDE.contains(&name)) {
        return Err("only parameters for client authentication are allowed together with request");
    }
    if request.len() <= MAX_LENGTH { Ok(Some(request)) } else { Err("request is longer than 16 KiB") }
}

/// The parameters in the claims, as they would be in a form: strings, JSON as its text, and several resources
/// separated by spaces. Unknown claims are left out unless they are strings.
pub fn parameters(claims: &Map<String, Value>) -> Result<Parameters, &'static str> {
    let mut parameters = Parameters::default();
    for (name, value) in claims.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        if NEVER.contains(&name.as_str()) {
            return Err("the signed request contains a request or a credential");
        }
        let text = match (name.as_str(), value) {
            (_, Value::String(text)) => text.clone(),
            ("requested_expiry" | "request_expiry", Value::Number(seconds)) => {
                json_value::whole(seconds).map_or_else(|| seconds.to_string(), |seconds| seconds.to_string())
            }
            ("authorization_details", Value::Array(_)) | ("request_context", Value::Object(_)) => {
                value.to_string()
            }
            ("resource", Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().filter(|text| !text.contains(' ')));
                let texts: Option<Vec<_>> = texts.collect();
                texts.ok_or("resource in the signed request is not an array of URIs")?.join(" ")
            }
            (
                "requested_expiry"
                | "request_expiry"
                | "authorization_details"
                | "request_context"
                | "resource",
                _,
            ) => {
                return Err("a claim of the signed request does not have its parameter's type");
            }
            (name, _) if TEXTS.contains(&name) => {
                return Err("a claim of the signed request is not a string");
            }
            (_, _) => continue,
        };
        if text.contains('\0') {
            return Err("the signed request contains a NUL character");
        }
        // An empty value counts as absent, as in a form (RFC 6749 §3.2).
        if !text.is_empty() {
            parameters.insert(name.clone(), text);
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: Value) -> Result<Parameters, &'static str> {
        parameters(claims.as_object().unwrap())
    }

    /// CIBA-7.1.1-02, CIBA-7.1.1-03, CIBA-7.1.1-04
    #[test]
    fn a_claim_becomes_the_parameter_of_its_name() {
        let read = read(json!({
            "iss": "teller", "aud": "x", "exp": 1, "iat": 1, "nbf": 1, "jti": "1", "client_id": "teller",
            "scope": "openid profile",
            "login_hint": "alice",
            "requested_expiry": 60,
            "request_context": {"channel": {"type": "pos"}},
            "authorization_details": [{"type": "payment"}],
            "resource": ["urn:a", "urn:b"],
            "user_code": "",
            "unknown": {"of": "no parameter"},
            "extension": "text",
        }))
        .unwrap();
        for (name, text) in [
            ("scope", "openid profile"),
            ("login_hint", "alice"),
            ("requested_expiry", "60"),
            ("request_context", r#"{"channel":{"type":"pos"}}"#),
            ("authorization_details", r#"[{"type":"payment"}]"#),
            ("resource", "urn:a urn:b"),
            ("extension", "text"),
        ] {
            assert_eq!(read.get(name), Some(text), "{name}");
        }
        assert_eq!(read.names().count(), 7, "{read:?}");
        for (claim, expected) in [
            (r#""60""#, "60"),
            ("60.0", "60"),
            ("6e1", "60"),
            ("60.5", "60.5"),
            ("-60", "-60"),
            ("1e99", "1e+99"),
        ] {
            let claims = serde_json::from_str(&format!(r#"{{"requested_expiry": {claim}}}"#)).unwrap();
            assert_eq!(
                super::parameters(&claims).unwrap().get("requested_expiry"),
                Some(expected),
                "{claim}"
            );
        }
        // TOK-7-03: an amount is the one that was signed, digit by digit.
        let details = r#"[{"amount":12345678901234567.89,"fee":100.00,"type":"payment"}]"#;
        let claims = serde_json::from_str(&format!(r#"{{"authorization_details": {details}}}"#)).unwrap();
        assert_eq!(super::parameters(&claims).unwrap().get("authorization_details"), Some(details));
    }

    /// HOOK-3-01: what is new here must not become a parameter for an operator's policy.
    #[test]
    fn every_parameter_that_is_known_here_is_known_there() {
        let known = crate::protocol::backchannel_authentication::KNOWN;
        for name in BESIDE.iter().chain(&NEVER).chain(&TEXTS) {
            assert!(known.contains(name), "{name}");
        }
    }

    /// CIBA-7.1.1-02, CIBA-7.1.1-12
    #[test]
    fn what_is_of_another_type_or_has_a_request_inside_is_refused() {
        for claims in [
            json!({"scope": ["openid"]}),
            json!({"login_hint": 7}),
            json!({"user_code": null}),
            json!({"binding_message": "a\u{0}b"}),
            json!({"requested_expiry": [60]}),
            json!({"request_context": ["a"]}),
            json!({"authorization_details": {"type": "payment"}}),
            json!({"resource": [7]}),
            json!({"resource": ["urn:a urn:b"]}),
            json!({"request": "x"}),
            json!({"request_uri": "https://client.example/request"}),
            json!({"client_secret": "x"}),
            json!({"client_assertion": {}}),
        ] {
            assert!(read(claims.clone()).is_err(), "{claims}");
        }
    }

    /// CIBA-7.1.1-10, CIBA-7.1.1-11
    #[test]
    fn nothing_but_credentials_stands_beside_it() {
        let of = |names: &[&str]| {
            let mut form = Parameters::default();
            for name in names {
                form.insert((*name).to_owned(), "x".to_owned());
            }
            signed(&form).map(|request| request.is_some())
        };
        assert_eq!(of(&["scope", "login_hint"]), Ok(false));
        assert_eq!(of(&BESIDE), Ok(true));
        for name in ["scope", "login_hint", "requested_expiry", "resource", "request_uri", "anything"] {
            assert!(of(&["request", name]).is_err(), "{name}");
        }
        assert!(of(&["request_uri", "scope"]).is_err());
    }
}
