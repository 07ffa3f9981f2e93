//! `id_token_hint`: an ID token that this provider issued to the client that sends it (CIBA §7.1).
//!
//! It has usually expired. It is nevertheless accepted for some time after it was issued (CIBA §14).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::time::{LEEWAY, Timestamp};
use crate::domain::client::ClientId;

/// Why a token is refused as a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenHintRefused {
    /// It is not an ID token of this provider for this client. The text is for the log.
    Invalid(&'static str),
    /// It is valid, but was issued too long ago.
    TooOld,
}

/// Checks the claims of an ID token whose signature was verified with a key of this provider, and returns its
/// `sub`.
///
/// `max_age` counts from `iat`. The client has to be in the audience, but the provider does not (CIBA §7.1).
pub fn judge<'c>(
    claims: &'c Map<String, Value>,
    issuer: &str,
    client: &ClientId,
    max_age: Duration,
    now: Timestamp,
) -> Result<&'c str, IdTokenHintRefused> {
    use IdTokenHintRefused::{Invalid, TooOld};
    let claims = Claims(claims);
    if claims.text("iss") != Some(issuer) {
        return Err(Invalid("iss is not this provider"));
    }
    let audience = claims.texts("aud");
    if !audience.contains(&client.as_str()) {
        return Err(Invalid("the ID token is for another client"));
    }
    // OIDC Core §3.1.3.7: if there are several audiences, `azp` identifies the one that the token was issued to.
    let azp = claims.get("azp").is_some().then(|| claims.text("azp"));
    if azp.is_some_and(|azp| azp != Some(client.as_str())) || (audience.len() > 1 && azp.is_none()) {
        return Err(Invalid("the ID token was issued to another client"));
    }
    let issued_at = claims.date("iat").ok_or(Invalid("the ID token has no iat"))?;
    if issued_at > now.plus(LEEWAY) {
        return Err(Invalid("iat of the ID token is in the future"));
    }
    if now > issued_at.plus(max_age) {
        return Err(TooOld);
    }
    claims.text("sub").ok_or(Invalid("the ID token has no sub"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn judged(changes: Value) -> Result<String, IdTokenHintRefused> {
        let mut claims = json!({
            "iss": "https://op.example",
            "sub": "alice",
            "aud": "kiosk",
            "iat": NOW.seconds() - 3600,
            "exp": NOW.seconds() - 3300,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let client = ClientId::parse("kiosk").unwrap();
        judge(claims.as_object().unwrap(), "https://op.example", &client, DAY, NOW).map(str::to_owned)
    }

    /// CIBA-7.1-15, CIBA-14-03
    #[test]
    fn an_expired_id_token_of_ours_for_this_client_names_its_person() {
        for changes in [
            json!({}),
            json!({"aud": ["kiosk"]}),
            json!({"azp": "kiosk"}),
            json!({"aud": ["kiosk", "https://op.example"], "azp": "kiosk"}),
            json!({"exp": null}),
            json!({"iat": NOW.seconds() - 86_400}),
            json!({"iat": NOW.seconds() + 30}),
        ] {
            assert_eq!(judged(changes.clone()).as_deref(), Ok("alice"), "{changes}");
        }
    }

    /// CIBA-7.1-15
    #[test]
    fn each_rule_refuses_the_token_that_breaks_it() {
        for changes in [
            json!({"iss": "https://op.example/"}),
            json!({"iss": null}),
            json!({"aud": "other"}),
            json!({"aud": null}),
            json!({"aud": "https://op.example"}),
            json!({"azp": "other"}),
            json!({"azp": ["kiosk"]}),
            json!({"aud": ["kiosk", "other"]}),
            json!({"aud": ["kiosk", "other"], "azp": "other"}),
            json!({"iat": null}),
            json!({"iat": "yesterday"}),
            json!({"iat": NOW.seconds() + 31}),
            json!({"sub": null}),
            json!({"sub": 7}),
        ] {
            assert!(matches!(judged(changes.clone()), Err(IdTokenHintRefused::Invalid(_))), "{changes}");
        }
    }

    /// CIBA-14-03
    #[test]
    fn a_token_that_is_too_old_is_told_from_a_wrong_one() {
        assert_eq!(judged(json!({"iat": NOW.seconds() - 86_401})), Err(IdTokenHintRefused::TooOld));
        let wrong = judged(json!({"iat": NOW.seconds() - 86_401, "aud": "other"}));
        assert!(matches!(wrong, Err(IdTokenHintRefused::Invalid(_))));
    }
}
