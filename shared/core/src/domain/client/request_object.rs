//! Signed authentication requests (CIBA §7.1.1): the checks on the claims about the request object itself. Its
//! parameters are read like those of an unsigned request.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::replay::{GuardedToken, ReplayGuard};
use crate::domain::base::time::{LEEWAY, Timestamp};
use crate::domain::client::ClientId;

/// `typ` of an explicitly typed request object (RFC 9101 §10.8).
pub const TYP: &str = "oauth-authz-req+jwt";
/// The longest time from `nbf` to `exp`. FAPI-CIBA sets this limit; here it applies to every client.
///
/// Unit: seconds.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// The longest `jti`. Unit: bytes.
const MAX_JTI: usize = 256;

/// Checks a request object whose signature was verified with a key of `client`: `iss` is the client, `aud`
/// contains the issuer, and `exp`, `iat`, `nbf` and `jti` are present (CIBA §7.1.1). The returned guard prevents
/// its replay. The error text is for the client.
pub fn judge(
    claims: &Map<String, Value>,
    client: &ClientId,
    own: &str,
    now: Timestamp,
) -> Result<ReplayGuard, &'static str> {
    let claims = Claims(claims);
    if claims.text("iss") != Some(client.as_str()) {
        return Err("iss of the signed request is not the client");
    }
    if claims.get("client_id").is_some_and(|id| id != client.as_str()) {
        return Err("client_id in the signed request is not the client");
    }
    // A JWT whose subject is the client itself is a client assertion (RFC 9101 §10.8).
    if claims.get("sub").is_some_and(|sub| sub == client.as_str()) {
        return Err("the signed request has the sub of a client assertion");
    }
    if !claims.texts("aud").contains(&own) {
        return Err("aud of the signed request does not contain the issuer");
    }
    let expires_at = claims.date("exp").ok_or("the signed request has no exp")?;
    let issued_at = claims.date("iat").ok_or("the signed request has no iat")?;
    let begins_at = claims.date("nbf").ok_or("the signed request has no nbf")?;
    let jti = claims.text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
    let jti = jti.ok_or("the signed request has no jti of 1-256 bytes")?;
    if begins_at > now.plus(LEEWAY) || issued_at > now.plus(LEEWAY) {
        return Err("the signed request is not valid yet");
    }
    if expires_at.plus(LEEWAY) <= now {
        return Err("the signed request has expired");
    }
    if expires_at <= begins_at || expires_at.since(begins_at) > MAX_LIFETIME {
        return Err("exp of the signed request must be after nbf, by at most 60 minutes");
    }
    Ok(ReplayGuard::new(GuardedToken::RequestObject, client.as_str(), jti, expires_at.plus(LEEWAY)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const OWN: &str = "https://op.example";

    fn judged(changes: &Value) -> Result<ReplayGuard, &'static str> {
        let s = NOW.seconds();
        let mut claims = json!({"iss": "teller", "aud": OWN, "jti": "1", "iat": s, "nbf": s, "exp": s + 300});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut claims = claims.as_object().unwrap().clone();
        claims.retain(|_, value| !value.is_null());
        judge(&claims, &ClientId::parse("teller").unwrap(), OWN, NOW)
    }

    /// CIBA-7.1.1-06, CIBA-7.1.1-07, CIBA-7.1.1-08, CIBA-7.1.1-09, CIBA-7.1.1-17, FCIBA-10, FCIBA-11, FCIBA-23
    #[test]
    fn each_rule_refuses_the_request_that_breaks_it() {
        let s = NOW.seconds();
        for changes in [
            json!({"iss": null}),
            json!({"iss": "kiosk"}),
            json!({"client_id": "kiosk"}),
            json!({"client_id": 7}),
            json!({"sub": "teller"}),
            json!({"aud": null}),
            json!({"aud": "https://op.example/"}),
            json!({"aud": ["https://op.example/bc-authorize"]}),
            json!({"exp": null}),
            json!({"iat": null}),
            json!({"nbf": null}),
            json!({"jti": null}),
            json!({"jti": ""}),
            json!({"jti": "j".repeat(257)}),
            json!({"exp": "tomorrow"}),
            json!({"exp": s - 30, "nbf": s - 60}),
            json!({"nbf": s + 31}),
            json!({"nbf": s + 600, "exp": s + 900}),
            json!({"iat": s + 61}),
            json!({"exp": s + 4200}),
            json!({"nbf": s - 4200}),
            json!({"exp": s + 3601}),
            json!({"nbf": s + 20, "exp": s + 20}),
            json!({"nbf": s + 20, "exp": s + 10}),
        ] {
            assert!(judged(&changes).is_err(), "{changes}");
        }
        for changes in [
            json!({}),
            json!({"aud": ["https://other.example", OWN]}),
            json!({"client_id": "teller"}),
            json!({"sub": "somebody"}),
            json!({"exp": s + 3600}),
            json!({"nbf": s - 3300}),
            json!({"nbf": s + 10, "iat": s + 10}),
            json!({"exp": s - 29, "nbf": s - 60}),
        ] {
            assert!(judged(&changes).is_ok(), "{changes}");
        }
        let guard = judged(&json!({})).unwrap();
        assert_eq!(guard.expires_at, NOW.plus(Duration::from_secs(300)).plus(LEEWAY));
    }
}
