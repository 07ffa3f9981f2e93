//! Hint issuers: the issuers of `login_hint_token`s, which identify a person (CIBA §7.1).
//!
//! This module defines an element of the setting `HINT_ISSUERS`, and the checks on the claims of a token whose
//! signature has been verified: hint tokens are signed and verified (CIBA §14). CIBA leaves the format to the
//! deployment; here it is a JWT with the claim `sub_id` of RFC 9493.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::replay::{GuardedToken, ReplayGuard};
use crate::domain::base::time::{LEEWAY, Timestamp};

/// The range of `max_age_seconds`. It is limited because replay guards are kept for as long. Unit: seconds.
pub const MAX_AGE: std::ops::RangeInclusive<u64> = 1..=86_400;

/// One hint issuer, as configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HintIssuer {
    /// `iss` of its tokens, byte for byte.
    pub issuer: String,
    /// The URL of its keys: https, a host name, port 443.
    pub jwks_uri: String,
    /// The accepted algorithms. There is no default, so that the list is a conscious decision.
    pub algorithms: Vec<JwsAlgorithm>,
    /// The value that `aud` must be or contain. Default: this provider's issuer.
    pub audience: Option<String>,
    /// The longest time after it was issued (`iat`) for which a token is accepted; it may expire earlier (`exp`).
    ///
    /// Unit: seconds. Range: [`MAX_AGE`]. Default: 300.
    #[serde(default = "five_minutes")]
    pub max_age_seconds: u64,
    /// Whether a token can be used for one request only. Default: [`SingleUse::Always`].
    #[serde(default)]
    pub single_use: SingleUse,
}

/// Whether a token can be used for one request only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleUse {
    /// Every token must have a `jti` and is accepted once.
    #[default]
    Always,
    /// A token that has a `jti` is accepted once.
    WithJti,
    /// A token is accepted until it expires.
    Never,
}

fn five_minutes() -> u64 {
    300
}

/// The content of an accepted token.
#[derive(Debug)]
pub struct HintProof<'c> {
    /// The Subject Identifier (RFC 9493), not parsed yet.
    pub sub_id: &'c Value,
    /// Prevents the token's reuse, if it may be used only once.
    pub guard: Option<ReplayGuard>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintTokenRefused {
    /// It is not a valid token of this issuer for this provider. The text is for the client.
    Invalid(&'static str),
    /// The token has expired. This is reported only for a token that is otherwise valid.
    Expired,
}

impl HintIssuer {
    /// Checks the claims of a token whose signature was verified with a key of this issuer. `own` is this
    /// provider's issuer.
    pub fn judge<'c>(
        &self,
        claims: &'c Map<String, Value>,
        own: &str,
        now: Timestamp,
    ) -> Result<HintProof<'c>, HintTokenRefused> {
        use HintTokenRefused::{Expired, Invalid};
        let claims = Claims(claims);
        if claims.text("iss") != Some(&self.issuer) {
            return Err(Invalid("iss is not the hint issuer"));
        }
        if !claims.texts("aud").contains(&self.audience.as_deref().unwrap_or(own)) {
            return Err(Invalid("the token is for another audience"));
        }
        let expires_at = claims.date("exp").ok_or(Invalid("the token has no exp"))?;
        let issued_at = claims.date("iat").ok_or(Invalid("the token has no iat"))?;
        let is_early = |at: Timestamp| at > now.plus(LEEWAY);
        if is_early(issued_at) || (claims.get("nbf").is_some() && claims.date("nbf").is_none_or(is_early)) {
            return Err(Invalid("the token is not valid yet"));
        }
        let sub_id = claims.get("sub_id").ok_or(Invalid("the token has no sub_id"))?;
        let ends_at = expires_at.min(issued_at.plus(Duration::from_secs(self.max_age_seconds))).plus(LEEWAY);
        let jti = claims.text("jti").filter(|jti| !jti.is_empty());
        let guard = match (self.single_use, jti) {
            (SingleUse::Never, _) => None,
            (SingleUse::WithJti, None) if claims.get("jti").is_none() => None,
            (SingleUse::Always | SingleUse::WithJti, None) => {
                return Err(Invalid("the token has no jti"));
            }
            (SingleUse::Always | SingleUse::WithJti, Some(jti)) => {
                Some(ReplayGuard::new(GuardedToken::LoginHintToken, &self.issuer, jti, ends_at))
            }
        };
        if now >= ends_at {
            return Err(Expired);
        }
        Ok(HintProof { sub_id, guard })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const OWN: &str = "https://op.example";

    fn issuer(changes: Value) -> HintIssuer {
        let mut setting = json!({
            "issuer": "https://hints.example",
            "jwks_uri": "https://hints.example/jwks",
            "algorithms": ["ES256"],
        });
        merge(&mut setting, changes);
        serde_json::from_value(setting).unwrap()
    }

    fn claims(changes: Value) -> Map<String, Value> {
        let mut claims = json!({
            "iss": "https://hints.example",
            "aud": OWN,
            "iat": NOW.seconds() - 10,
            "exp": NOW.seconds() + 60,
            "jti": "hint-1",
            "sub_id": {"format": "opaque", "id": "4711"},
        });
        merge(&mut claims, changes);
        claims.as_object().unwrap().clone()
    }

    fn merge(into: &mut Value, changes: Value) {
        for (name, value) in changes.as_object().unwrap() {
            into[name] = value.clone();
        }
        into.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }

    /// Whether the result has a guard, or why the token is refused.
    fn judged(setting: Value, changes: Value) -> Result<bool, HintTokenRefused> {
        issuer(setting).judge(&claims(changes), OWN, NOW).map(|proof| proof.guard.is_some())
    }

    /// ATK-3-05
    #[test]
    fn a_right_token_hands_over_its_subject_and_is_guarded() {
        let claims = claims(json!({"aud": ["other", OWN]}));
        let proof = issuer(json!({})).judge(&claims, OWN, NOW).unwrap();
        assert_eq!(proof.sub_id, &json!({"format": "opaque", "id": "4711"}));
        assert_eq!(proof.guard.unwrap().expires_at, NOW.plus(Duration::from_secs(60) + LEEWAY));
    }

    /// ATK-3-05
    #[test]
    fn each_rule_refuses_the_token_that_breaks_it() {
        let s = NOW.seconds();
        for changes in [
            json!({"iss": "https://hints.example/"}),
            json!({"iss": null}),
            json!({"aud": "https://other.example"}),
            json!({"aud": null}),
            json!({"exp": null}),
            json!({"exp": "tomorrow"}),
            json!({"iat": null}),
            json!({"iat": s + 31}),
            json!({"nbf": s + 31}),
            json!({"nbf": "now"}),
            json!({"sub_id": null}),
            json!({"jti": null}),
            json!({"jti": ""}),
            json!({"jti": 7}),
        ] {
            let refused = judged(json!({}), changes.clone()).unwrap_err();
            assert!(matches!(refused, HintTokenRefused::Invalid(_)), "{changes}");
        }
    }

    /// ATK-3-05: both its own `exp` and the configured maximum age apply, with the leeway.
    #[test]
    fn a_token_that_is_right_but_over_has_expired() {
        let s = NOW.seconds();
        for changes in [json!({"exp": s - 30}), json!({"iat": s - 330, "exp": s + 60})] {
            assert_eq!(judged(json!({}), changes.clone()), Err(HintTokenRefused::Expired), "{changes}");
        }
        for changes in [json!({"exp": s - 29}), json!({"iat": s - 329})] {
            assert!(judged(json!({}), changes.clone()).is_ok(), "{changes}");
        }
        assert!(judged(json!({"max_age_seconds": 3600}), json!({"iat": s - 3600})).is_ok());
        let wrong = judged(json!({}), json!({"exp": s - 30, "aud": "other"}));
        assert!(matches!(wrong, Err(HintTokenRefused::Invalid(_))), "only a valid token is called expired");
    }

    /// ATK-3-05
    #[test]
    fn a_token_is_taken_once_as_the_operator_says() {
        for (single_use, with_jti, without) in [
            ("always", Ok(true), Err(HintTokenRefused::Invalid("the token has no jti"))),
            ("with_jti", Ok(true), Ok(false)),
            ("never", Ok(false), Ok(false)),
        ] {
            let setting = json!({ "single_use": single_use });
            assert_eq!(judged(setting.clone(), json!({})), with_jti, "{single_use}");
            assert_eq!(judged(setting, json!({"jti": null})), without, "{single_use}");
        }
        let no_name = judged(json!({"single_use": "with_jti"}), json!({"jti": 7}));
        assert!(matches!(no_name, Err(HintTokenRefused::Invalid(_))), "a malformed jti is not an absent one");
    }

    #[test]
    fn the_audience_is_this_provider_unless_another_is_configured() {
        let setting = json!({"audience": "urn:example:hints"});
        assert!(judged(setting.clone(), json!({"aud": "urn:example:hints"})).is_ok());
        assert!(judged(setting, json!({})).is_err());
    }
}
