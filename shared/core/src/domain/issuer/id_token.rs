//! The ID token of a login in the browser (OIDC Core §3.1.3.7), after its signature was verified with the issuer's
//! keys.
//!
//! It is stricter than a login token: it is for this provider alone, answers one authorization request, and says
//! when the person logged in.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::domain::base::claims::Claims;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::time::{LEEWAY, Timestamp};
use crate::domain::issuer::login_issuer::LoginIssuer;
use crate::domain::issuer::session::Session;

/// How long ago the token may have been issued: it comes straight from the token endpoint. Unit: seconds.
const FRESH: Duration = Duration::from_secs(300);

/// What the token has to answer.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// `nonce` of the authorization request.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// The algorithm that it is signed with.
    pub algorithm: JwsAlgorithm,
    /// How long ago the person may have logged in.
    pub max_age: Duration,
}

/// Why the token logs nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenRefused {
    OtherIssuer,
    OtherAudience,
    OtherParty,
    Expired,
    NotJustIssued,
    OtherNonce,
    OtherAccessToken,
    NobodyNamed,
    /// The token does not say when the person logged in, or it was too long ago.
    NotRecent,
}

impl IdTokenRefused {
    /// The reason, for the log.
    pub const fn why(self) -> &'static str {
        match self {
            Self::OtherIssuer => "iss of the ID token is another issuer",
            Self::OtherAudience => "aud of the ID token is not this provider alone",
            Self::OtherParty => "azp of the ID token is another client",
            Self::Expired => "the ID token has expired",
            Self::NotJustIssued => "iat of the ID token is missing, too old, or in the future",
            Self::OtherNonce => "nonce of the ID token is that of another request",
            Self::OtherAccessToken => "at_hash of the ID token is that of another access token",
            Self::NobodyNamed => "the ID token does not name a person, or their address is not verified",
            Self::NotRecent => "auth_time of the ID token is missing, or too old",
        }
    }
}

impl LoginIssuer {
    /// The session of the person whom the token names. `id` names the session; `id_token` is the token itself, of
    /// which only the hash is kept.
    ///
    /// # Errors
    /// In the order of OIDC Core §3.1.3.7, if the claims are not those of a login here, for this attempt.
    pub fn log_in(
        &self,
        claims: &Map<String, Value>,
        expected: &Expected<'_>,
        (id, id_token): ([u8; 16], &str),
        now: Timestamp,
    ) -> Result<Session, IdTokenRefused> {
        use IdTokenRefused as No;
        let claims = Claims(claims);
        let client_id = self.browser.as_ref().map(|browser| browser.client_id.as_str());
        // 2. The issuer.
        if claims.text("iss") != Some(&self.issuer) {
            return Err(No::OtherIssuer);
        }
        // 3. The audience is this provider alone. A second audience could have obtained the token for itself.
        let for_us_alone = match claims.get("aud") {
            Some(Value::String(one)) => client_id == Some(one),
            Some(Value::Array(list)) => matches!(&list[..], [Value::String(one)] if client_id == Some(one)),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
        };
        if !for_us_alone {
            return Err(No::OtherAudience);
        }
        // 4, 5. The authorized party.
        if claims.get("azp").is_some() && claims.text("azp") != client_id {
            return Err(No::OtherParty);
        }
        // 9, 10. Its time.
        if claims.date("exp").is_none_or(|exp| now >= exp.plus(LEEWAY)) {
            return Err(No::Expired);
        }
        let is_new = |iat: Timestamp| iat <= now.plus(LEEWAY) && now.since(iat) <= FRESH;
        if !claims.date("iat").is_some_and(is_new)
            || claims.get("nbf").is_some() && claims.date("nbf").is_none_or(|nbf| nbf > now.plus(LEEWAY))
        {
            return Err(No::NotJustIssued);
        }
        // 11. This attempt.
        if claims.text("nonce") != Some(expected.nonce) {
            return Err(No::OtherNonce);
        }
        // OIDC Core §3.1.3.8
        if claims.get("at_hash").is_some()
            && claims.text("at_hash")
                != expected.access_token.map(|it| half(expected.algorithm, it)).as_deref()
        {
            return Err(No::OtherAccessToken);
        }
        // 13. The login. It was asked for with `max_age`, so a token without it is refused.
        let auth_time = claims.date("auth_time").ok_or(No::NotRecent)?;
        if now.since(auth_time) > expected.max_age || auth_time > now.plus(LEEWAY) {
            return Err(No::NotRecent);
        }
        let subject = self.subject(claims).ok_or(No::NobodyNamed)?;
        self.person_key(subject).ok_or(No::NobodyNamed)?;
        let authentication = self.authentication(claims, auth_time);
        Ok(Session::new(id, (&self.issuer, subject), authentication, id_token))
    }
}

/// The left half of a token's hash, by the algorithm of the ID token (OIDC Core §3.1.3.6).
fn half(algorithm: JwsAlgorithm, access_token: &str) -> String {
    let hash = match algorithm {
        JwsAlgorithm::ES256 | JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => {
            digest(&SHA256, access_token.as_bytes())
        }
        // Ed25519 itself uses SHA-512.
        JwsAlgorithm::EdDSA => digest(&SHA512, access_token.as_bytes()),
    };
    let bytes = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 2])
}

#[cfg(test)]
mod tests;
