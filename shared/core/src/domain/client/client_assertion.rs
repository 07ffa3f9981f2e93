//! Client assertions (`private_key_jwt`, RFC 7523 §3): the checks on the claims of an assertion whose signature
//! has been verified.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::profile::Profile;
use crate::domain::base::replay::{GuardedToken, ReplayGuard};
use crate::domain::base::time::{LEEWAY, Timestamp};
use crate::domain::client::ClientId;
use crate::domain::client::client_authentication::AssertionAudience;

/// `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `typ` of an explicitly typed assertion (RFC 10070 §4).
pub const TYP: &str = "client-authentication+jwt";
/// The longest `jti`. Unit: bytes.
const MAX_JTI: usize = 256;

/// The requirements for a valid assertion.
pub struct AssertionRules<'a> {
    pub client: &'a ClientId,
    pub issuer: &'a str,
    /// The URLs accepted as `aud` in addition to the issuer, for clients registered with
    /// [`AssertionAudience::Endpoints`].
    pub endpoints: &'a [String],
    pub audience: AssertionAudience,
    pub profile: Profile,
    /// How far in the future `exp` may be, and so how long the replay guard is kept. The setting
    /// `CLIENT_ASSERTION_LIFETIME_SECONDS`.
    pub lifetime: Duration,
}

impl AssertionRules<'_> {
    /// Checks the claims of an assertion whose signature was verified with a key of the client (RFC 7523 §3). The
    /// returned guard prevents its reuse; it is created only after the signature was verified. The error text is
    /// for the log.
    pub fn judge(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<ReplayGuard, &'static str> {
        let claims = Claims(claims);
        let client = Some(self.client.as_str());
        if claims.text("iss") != client || claims.text("sub") != client {
            return Err("iss and sub are not both the client");
        }
        if !self.is_for_us(claims) {
            return Err(self.why_not_for_us(claims));
        }
        let expires_at = claims.date("exp").ok_or("the assertion has no exp")?;
        if expires_at.plus(LEEWAY) <= now {
            return Err("the assertion has expired");
        }
        if expires_at > now.plus(self.lifetime).plus(LEEWAY) {
            return Err("exp of the assertion is further ahead than CLIENT_ASSERTION_LIFETIME_SECONDS");
        }
        // Both are optional, but must be valid if present (RFC 7523 §3).
        let is_late = |at: Timestamp| at <= now.plus(LEEWAY);
        let begun = |claim| claims.get(claim).is_none() || claims.date(claim).is_some_and(is_late);
        if !begun("nbf") || !begun("iat") {
            return Err("the assertion is not valid yet");
        }
        let jti = claims.text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
        let jti = jti.ok_or("the assertion has no jti of 1-256 bytes")?;
        let ends_at = expires_at.plus(LEEWAY);
        Ok(ReplayGuard::new(GuardedToken::ClientAssertion, self.client.as_str(), jti, ends_at))
    }

    /// `aud` is compared byte for byte (RFC 10070 §4). A list with one element is refused only under FAPI
    /// (FAPI 2.0 §5.3.2.1).
    fn is_for_us(&self, claims: Claims<'_>) -> bool {
        use AssertionAudience::{Endpoints, Issuer, IssuerSlash};
        let is_issuer =
            |aud: &str| aud == self.issuer || self.audience == IssuerSlash && self.is_with_slash(aud);
        let is_ours = |aud: &str| aud == self.issuer || self.endpoints.iter().any(|url| url == aud);
        match (claims.get("aud"), self.audience, self.profile) {
            (Some(Value::String(aud)), Issuer | IssuerSlash, _) => is_issuer(aud),
            (Some(Value::Array(aud)), Issuer | IssuerSlash, Profile::Plain) => match aud.as_slice() {
                [Value::String(only)] => is_issuer(only),
                _ => false,
            },
            (_, Issuer | IssuerSlash, _) => false,
            (_, Endpoints, _) => claims.texts("aud").into_iter().any(is_ours),
        }
    }

    fn is_with_slash(&self, aud: &str) -> bool {
        aud.strip_suffix('/') == Some(self.issuer)
    }

    /// Tells the operator what to change if the audience identifies this provider but is not allowed for the
    /// client.
    fn why_not_for_us(&self, claims: Claims<'_>) -> &'static str {
        let all = claims.texts("aud");
        if all.iter().any(|aud| self.is_with_slash(aud)) {
            "aud of the assertion is the issuer with a trailing slash: assertion_audience issuer_slash allows it"
        } else if all.iter().any(|aud| self.endpoints.iter().any(|url| url == aud)) {
            "aud of the assertion is an endpoint: assertion_audience endpoints allows it"
        } else if all.contains(&self.issuer) {
            "aud of the assertion contains more than the issuer, or is a list under fapi-ciba"
        } else {
            "aud of the assertion is not the issuer"
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const OWN: &str = "https://op.example";
    const TOKEN: &str = "https://op.example/oauth/token";

    fn judged(
        audience: AssertionAudience,
        profile: Profile,
        changes: Value,
    ) -> Result<ReplayGuard, &'static str> {
        let mut claims = json!({"iss": "teller", "sub": "teller", "aud": OWN, "jti": "1",
            "exp": NOW.seconds() + 60});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut claims = claims.as_object().unwrap().clone();
        claims.retain(|_, value| !value.is_null());
        let client = ClientId::parse("teller").unwrap();
        let endpoints = [TOKEN.to_owned(), format!("{OWN}/bc-authorize")];
        let lifetime = Duration::from_secs(600);
        AssertionRules { client: &client, issuer: OWN, endpoints: &endpoints, audience, profile, lifetime }
            .judge(&claims, NOW)
    }

    fn strict(changes: Value) -> Result<ReplayGuard, &'static str> {
        judged(AssertionAudience::Issuer, Profile::Plain, changes)
    }

    /// CAUTH-3-03, CAUTH-3-08, CAUTH-3-09, CAUTH-3-10, CAUTH-3-11
    #[test]
    fn each_rule_refuses_the_assertion_that_breaks_it() {
        assert_eq!(strict(json!({})).unwrap().expires_at, NOW.plus(Duration::from_secs(60)).plus(LEEWAY));
        let s = NOW.seconds();
        for changes in [
            json!({"iss": "kiosk"}),
            json!({"sub": "kiosk"}),
            json!({"iss": null}),
            json!({"sub": null}),
            json!({"iss": ["teller"]}),
            json!({"exp": null}),
            json!({"exp": "tomorrow"}),
            json!({"exp": s - 30}),
            json!({"exp": s + 631}),
            json!({"exp": -1}),
            json!({"nbf": s + 31}),
            json!({"nbf": "now"}),
            json!({"iat": s + 31}),
            json!({"iat": {}}),
            json!({"jti": null}),
            json!({"jti": ""}),
            json!({"jti": 7}),
            json!({"jti": "j".repeat(257)}),
        ] {
            assert!(strict(changes.clone()).is_err(), "{changes}");
        }
        for changes in [
            json!({"exp": s - 29}),
            json!({"exp": s + 630}),
            json!({"nbf": s + 30, "iat": s + 30}),
            json!({"iat": s - 86_400}),
            json!({"jti": "j".repeat(256)}),
        ] {
            assert!(strict(changes.clone()).is_ok(), "{changes}");
        }
    }

    /// CAUTH-3-04, CAUTH-3-05, CAUTH-3-06, FCIBA-21, ATK-8-02: a client may be registered for other audiences.
    #[test]
    fn the_audience_is_the_issuer_alone_unless_registered() {
        use AssertionAudience::{Endpoints, Issuer, IssuerSlash};
        use Profile::{FapiCiba, Plain};
        // For `issuer`, `endpoints` and `issuer_slash`, then for `issuer` and `issuer_slash` under FAPI.
        for (aud, strict, legacy, slash, fapi, fapi_slash) in [
            (json!(OWN), true, true, true, true, true),
            (json!([OWN]), true, true, true, false, false),
            (json!([OWN, "https://other.example"]), false, true, false, false, false),
            (json!(TOKEN), false, true, false, false, false),
            (json!([TOKEN]), false, true, false, false, false),
            (json!(["https://other.example", TOKEN]), false, true, false, false, false),
            (json!("https://op.example/"), false, false, true, false, true),
            (json!(["https://op.example/"]), false, false, true, false, false),
            (json!(["https://op.example/", OWN]), false, true, false, false, false),
            (json!(["https://op.example/", "https://other.example"]), false, false, false, false, false),
            (json!("https://op.example//"), false, false, false, false, false),
            (json!("https://op.example/."), false, false, false, false, false),
            (json!("https://op.example/ "), false, false, false, false, false),
            (json!("https://op.example/oauth/token/"), false, false, false, false, false),
            (json!("https://OP.example"), false, false, false, false, false),
            (json!("https://OP.example/"), false, false, false, false, false),
            (json!("https://other.example"), false, false, false, false, false),
            (json!("/"), false, false, false, false, false),
            (json!([]), false, false, false, false, false),
            (json!(7), false, false, false, false, false),
            (Value::Null, false, false, false, false, false),
        ] {
            for (audience, profile, expected) in [
                (Issuer, Plain, strict),
                (Endpoints, Plain, legacy),
                (IssuerSlash, Plain, slash),
                (Issuer, FapiCiba, fapi),
                (IssuerSlash, FapiCiba, fapi_slash),
                (Endpoints, FapiCiba, legacy),
            ] {
                let judged = judged(audience, profile, json!({ "aud": aud }));
                assert_eq!(judged.is_ok(), expected, "{audience:?} {profile:?} {aud}");
            }
        }
    }
}
