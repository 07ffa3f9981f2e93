//! This provider's assertions at login issuers, where it is a client itself (`private_key_jwt`; RFC 7523 §3, OIDC Core §9).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use url::Url;

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::time::Timestamp;
use crate::domain::issuer::browser_login::{AssertionAudience, BrowserLogin};

/// The algorithm of every assertion: one of those that FAPI 2.0 §5.4 allows.
pub const ALGORITHM: JwsAlgorithm = JwsAlgorithm::ES256;
pub const TYP: &str = "JWT";
/// An assertion is used at once.
const LIFETIME: Duration = Duration::from_secs(60);

/// The claims of one assertion.
#[derive(Debug, Serialize)]
pub struct LoginAssertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    exp: i64,
}

impl<'a> LoginAssertion<'a> {
    /// An assertion for the token endpoint of `issuer`.
    pub fn new(
        browser: &'a BrowserLogin,
        issuer: &'a str,
        token_endpoint: &'a Url,
        random: [u8; 16],
        now: Timestamp,
    ) -> Self {
        let client = browser.client_id.as_str();
        let aud = match browser.assertion_audience.unwrap_or_default() {
            AssertionAudience::Issuer => issuer,
            AssertionAudience::TokenEndpoint => token_endpoint.as_str(),
        };
        let jti = URL_SAFE_NO_PAD.encode(random);
        Self { iss: client, sub: client, aud, jti, iat: now.seconds(), exp: now.plus(LIFETIME).seconds() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn claims(browser: Value, random: u8) -> Value {
        let mut all = json!({"client_id": "ciba-page", "label": "acme", "name": "Acme"});
        all.as_object_mut().unwrap().extend(browser.as_object().unwrap().clone());
        let browser = serde_json::from_value(all).unwrap();
        let endpoint = Url::parse("https://login.example/token").unwrap();
        let assertion = LoginAssertion::new(&browser, "https://login.example", &endpoint, [random; 16], NOW);
        serde_json::to_value(assertion).unwrap()
    }

    /// RP-1-10: all claims that are required, and nothing else.
    #[test]
    fn an_assertion_names_client_and_issuer_for_a_minute() {
        let expected = json!({"iss": "ciba-page", "sub": "ciba-page", "aud": "https://login.example",
            "jti": "BwcHBwcHBwcHBwcHBwcHBw", "iat": 1_800_000_000, "exp": 1_800_000_060});
        assert_eq!(claims(json!({}), 7), expected);
        assert_ne!(claims(json!({}), 8)["jti"], expected["jti"]);
    }

    #[test]
    fn the_audience_is_the_issuer_unless_configured() {
        for (setting, audience) in [
            (json!({}), "https://login.example"),
            (json!({"assertion_audience": "issuer"}), "https://login.example"),
            (json!({"assertion_audience": "token_endpoint"}), "https://login.example/token"),
        ] {
            assert_eq!(claims(setting.clone(), 1)["aud"], audience, "{setting}");
        }
    }
}
