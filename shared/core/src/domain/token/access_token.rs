//! An access token of this provider, as it is presented to it again.

use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::confirmation::Confirmation;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;

/// The content of a verified access token. Whether its grant has been revoked is recorded in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    pub client: ClientId,
    pub sub: String,
    pub audience: Vec<String>,
    pub scope: Scope,
    pub jti: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The certificate and the key whose possession the sender of the token has to prove.
    pub confirmation: Confirmation,
}

impl AccessToken {
    /// Reads the claims of a token of the right type whose signature was verified with one of this provider's
    /// keys. `None` if the issuer is another one, a claim is missing, or `cnf` has an unknown member.
    pub fn read(claims: &Map<String, Value>, issuer: &str) -> Option<Self> {
        let claims = Claims(claims);
        if claims.text("iss") != Some(issuer) {
            return None;
        }
        Some(Self {
            client: ClientId::parse(claims.text("client_id")?)?,
            sub: claims.text("sub")?.to_owned(),
            audience: claims.texts("aud").into_iter().map(str::to_owned).collect(),
            scope: Scope::parse(claims.text("scope")?)?,
            jti: claims.text("jti")?.to_owned(),
            issued_at: claims.date("iat")?,
            expires_at: claims.date("exp")?,
            confirmation: Confirmation::read(claims.get("cnf"))?,
        })
    }

    /// There is no leeway, because this provider's own clock set the expiration.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://ciba.example";

    fn read(changes: Value) -> Option<AccessToken> {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "https://api.example", "client_id": "kiosk", "scope": "openid read",
            "jti": "x", "iat": 1_800_000_000, "exp": 1_800_000_600,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        AccessToken::read(claims.as_object().unwrap(), ISSUER)
    }

    #[test]
    fn a_token_without_a_claim_or_of_another_issuer_is_invalid() {
        assert!(read(json!({})).is_some());
        for claim in ["iss", "sub", "client_id", "scope", "jti", "iat", "exp"] {
            assert_eq!(read(json!({ claim: null })), None, "{claim}");
        }
        assert_eq!(read(json!({"iss": "https://ciba.example/"})), None);
        assert_eq!(read(json!({"cnf": {"kid": "1"}})), None);
    }

    /// ATK-5-05
    #[test]
    fn a_token_of_ours_ends_at_its_end() {
        let token = read(json!({})).unwrap();
        assert!(!token.has_expired(Timestamp::from_millis(1_800_000_599_999)));
        assert!(token.has_expired(Timestamp::from_seconds(1_800_000_600)));
    }
}
