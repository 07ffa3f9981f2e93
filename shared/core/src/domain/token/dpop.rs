//! DPoP proofs, with which a client proves possession of a key (RFC 9449): the checks on their claims.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use url::Url;

use crate::domain::base::claims::Claims;
use crate::domain::base::confirmation::Thumbprint;
use crate::domain::base::replay::{GuardedToken, ReplayGuard};
use crate::domain::base::time::{LEEWAY, Timestamp};

/// The longest `jti`. A shorter one can be unique, and a longer one would only cost the server work (RFC 9449
/// §11.1). Unit: bytes.
const MAX_JTI: usize = 256;

/// The request that a proof is for.
pub struct Call<'a> {
    pub method: &'a str,
    /// The published URLs of the endpoint, from the configuration and never from a `Host` header (RFC 9449 §4.3:
    /// `htu` matches the URI of the request).
    pub urls: &'a [String],
    /// The access token that is sent with the proof; at the token endpoint there is none yet.
    pub access_token: Option<&'a str>,
}

/// A proof with a valid signature and valid claims. Replay and nonce have not been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// The key that the client has proven to possess.
    pub key: Thumbprint,
    pub nonce: Option<String>,
    pub guard: ReplayGuard,
}

/// Checks the claims of a proof that was signed with `key` (RFC 9449 §4.3). The error is for the client.
///
/// `lifetime` is the time for which a proof is valid after its `iat`.
pub fn judge(
    claims: &Map<String, Value>,
    key: Thumbprint,
    call: &Call<'_>,
    lifetime: Duration,
    now: Timestamp,
) -> Result<DpopProof, &'static str> {
    let claims = Claims(claims);
    let jti = claims.text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
    let jti = jti.ok_or("jti is missing, or is not a string of 1-256 bytes")?;
    if claims.text("htm") != Some(call.method) {
        return Err("htm is not the method of the request");
    }
    let htu = claims.text("htu").and_then(normalised);
    if htu.is_none() || !call.urls.iter().any(|url| normalised(url) == htu) {
        return Err("htu is not the URL of the endpoint in the metadata");
    }
    let made_at = claims.date("iat").ok_or("iat is missing, or is not a date")?;
    let counts_until = made_at.plus(lifetime).plus(LEEWAY);
    if now >= counts_until || made_at > now.plus(LEEWAY) {
        return Err("iat is too old, or is in the future");
    }
    if call.access_token.is_some_and(|token| claims.text("ath") != Some(&token_hash(token))) {
        return Err("ath is not the hash of the access token");
    }
    let nonce = match claims.get("nonce") {
        None => None,
        Some(Value::String(nonce)) => Some(nonce.clone()),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err("nonce is not a string");
        }
    };
    // A `jti` is unique within the key, so other clients cannot use up this client's.
    let guard = ReplayGuard::new(GuardedToken::DpopProof, &key.encode(), jti, counts_until);
    Ok(DpopProof { key, nonce, guard })
}

/// Whether a nonce that this provider issued at that time is still valid (RFC 9449 §8).
pub fn is_fresh(nonce_made_at: Timestamp, lifetime: Duration, now: Timestamp) -> bool {
    now.since(nonce_made_at) < lifetime
}

/// `ath` (RFC 9449 §4.2).
fn token_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, access_token.as_bytes()))
}

/// A URL in normalized form (RFC 3986 §6.2.2, §6.2.3), without query and fragment (RFC 9449 §4.3).
fn normalised(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    // The URL parser does the rest of the normalization.
    let path = plain(url.path());
    url.set_path(&path);
    (url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// A path with only the necessary characters percent-encoded, in upper case (RFC 3986 §6.2.2.1, §6.2.2.2).
fn plain(path: &str) -> String {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.map(char::from) {
            Some(letter) if letter.is_ascii_alphanumeric() || "-._~".contains(letter) => plain.push(letter),
            Some(_) => plain.extend(["%", &part[..2].to_ascii_uppercase()]),
            None => {
                plain.extend(["%", part]);
                continue;
            }
        }
        plain.push_str(&part[2..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const LIFETIME: Duration = Duration::from_secs(60);
    const KEY: Thumbprint = Thumbprint::new([7; 32]);

    /// The result for a valid proof with these changes; null removes a claim.
    fn judged(changes: Value, access_token: Option<&str>) -> Result<DpopProof, &'static str> {
        let mut claims = json!({"jti": "1", "htm": "POST", "htu": "https://op.example/oauth/token",
            "iat": NOW.seconds()});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let urls =
            ["https://op.example/oauth/token".to_owned(), "https://mtls.op.example/oauth/token".to_owned()];
        let call = Call { method: "POST", urls: &urls, access_token };
        judge(claims.as_object().unwrap(), KEY, &call, LIFETIME, NOW)
    }

    /// TOK-4-03, TOK-4-04, TOK-4-06
    #[test]
    fn a_proof_with_a_missing_or_wrong_claim_is_invalid() {
        assert!(judged(json!({}), None).is_ok());
        for claim in ["jti", "htm", "htu", "iat"] {
            assert!(judged(json!({ claim: null }), None).is_err(), "without {claim}");
            assert!(judged(json!({ claim: [] }), None).is_err(), "{claim} of the wrong type");
        }
        for changes in [
            json!({"jti": ""}),
            json!({"jti": "a".repeat(257)}),
            json!({"htm": "post"}),
            json!({"htm": "GET"}),
            json!({"iat": NOW.seconds().to_string()}),
            json!({"nonce": 1}),
        ] {
            assert!(judged(changes.clone(), None).is_err(), "{changes}");
        }
        assert!(judged(json!({"jti": "a".repeat(256)}), None).is_ok());
    }

    /// TOK-4-04
    #[test]
    fn a_url_matches_in_each_of_its_spellings_and_no_other_does() {
        for htu in [
            "HTTPS://OP.EXAMPLE:443/oauth/token",
            "https://op.example/oauth/../oauth/./token",
            "https://op.example/oauth/token?a=b#c",
            "https://mtls.op.example/oauth/token",
            "https://op.example/%6Fauth/t%6fken",
            "https://%6fp.example/oauth/token",
        ] {
            assert!(judged(json!({ "htu": htu }), None).is_ok(), "{htu}");
        }
        for htu in [
            "",
            "/oauth/token",
            "op.example/oauth/token",
            "http://op.example/oauth/token",
            "https://op.example/oauth/token/",
            "https://op.example/OAuth/token",
            "https://op.example/oauth%2Ftoken",
            "https://op.example/oauth/token%",
            "https://op.example/oauth/%zzken",
            "https://op.example./oauth/token",
            "https://op.example/oauth/introspect",
            "https://op.example:8443/oauth/token",
            "https://op.example.attacker.example/oauth/token",
            "https://op.example@attacker.example/oauth/token",
            "https://a@op.example/oauth/token",
        ] {
            assert!(judged(json!({ "htu": htu }), None).is_err(), "{htu}");
        }
    }

    /// RFC 3986 §6.2.2
    #[test]
    fn a_path_has_one_spelling() {
        for (path, spelled) in [
            ("/a%7eb%2d", "/a~b-"),
            ("/a%2fb", "/a%2Fb"),
            ("/%e4%C3", "/%E4%C3"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz%41", "/%zzA"),
            ("/%ä", "/%ä"),
        ] {
            assert_eq!(plain(path), spelled, "{path}");
        }
    }

    /// TOK-4-05, HYG-3-16: the guard is kept until the proof would be refused without it.
    #[test]
    fn a_proof_counts_for_a_minute_and_what_two_clocks_may_differ() {
        let made = |seconds: f64| judged(json!({"iat": NOW.seconds() as f64 + seconds}), None);
        for seconds in [-89.9, -60.0, 0.0, 30.0] {
            let guard = made(seconds).expect("a proof").guard;
            assert!(guard.expires_at > NOW, "{seconds}");
        }
        for seconds in [-90.0, -3600.0, 30.1, 3600.0] {
            assert!(made(seconds).is_err(), "{seconds}");
        }
        assert_eq!(made(0.0).unwrap().guard.expires_at, NOW.plus(Duration::from_secs(90)));
    }

    /// TOK-4-12: the example of RFC 9449 §7.1.
    #[test]
    fn a_proof_that_comes_with_an_access_token_is_for_that_one() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let ath = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
        assert!(judged(json!({ "ath": ath }), Some(token)).is_ok());
        assert!(judged(json!({ "ath": ath }), Some("another")).is_err());
        assert!(judged(json!({}), Some(token)).is_err());
    }

    /// TOK-4-06
    #[test]
    fn a_jti_is_the_keys_own() {
        let of = |key: Thumbprint| {
            ReplayGuard::new(GuardedToken::DpopProof, &key.encode(), "1", NOW).name().to_owned()
        };
        assert_eq!(judged(json!({}), None).unwrap().guard.name(), of(KEY));
        assert_ne!(of(KEY), of(Thumbprint::new([8; 32])));
    }

    /// TOK-4-10
    #[test]
    fn a_nonce_counts_until_its_time_is_over() {
        let ago = |seconds: u64| is_fresh(NOW.minus(Duration::from_secs(seconds)), LIFETIME, NOW);
        assert!(ago(0) && ago(59) && !ago(60));
        // Issued by a function whose clock is slightly ahead.
        assert!(is_fresh(NOW.plus(Duration::from_millis(20)), LIFETIME, NOW));
    }
}
