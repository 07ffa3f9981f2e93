//! Evidence of a decision, and of the signed request that it is about: what an auditor is shown a year later, when the request itself has long been swept.
//!
//! The documents here are those of version 1, which is still read, and the parts that version 2
//! ([`crate::domain::request::evidence_document`]) has in common with it.
//!
//! A document is one JSON text, kept byte for byte with its digest. What the person's passkey signed stands in it as the
//! authenticator delivered it, with the statement it was signed over and the public key, so that everybody can verify it
//! without this provider. What a client signed stands in it sealed, because it may have secrets in it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::secret::Secret;
use crate::domain::details::request_context::RequestContext;

/// What is kept of one decision. Never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub request: String,
    pub client_id: String,
    /// The table's name for the person.
    pub person: String,
    pub decision: Outcome,
    /// The scope approved, or asked for where it was not.
    pub scope: String,
    /// What was asked for beyond the scope, and approved with it, if it was: all or nothing.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorization_details: Vec<Value>,
    /// What the client said about where it was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_context: Option<RequestContext>,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be swept. Unit: seconds since the epoch.
    pub kept_until: i64,
    pub proof: KeptProof,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Approved,
    Denied,
    /// Denied, as one that the person did not start.
    Reported,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
        }
    }
}

/// How the person proved that it was them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeptProof {
    /// Whoever had the link: enough to decline, and for nothing else.
    Link,
    /// The login token's `iss`, `jti` and what it said about the login.
    LoginToken {
        issuer: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        jti: Option<String>,
        authentication: Authentication,
    },
    Passkey(Box<Signed>),
}

/// A ceremony of WebAuthn, as it was. Bytes are base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The text of the [`Statement`](crate::domain::request::statement::Statement).
    pub statement: String,
    /// The values selected, as they were signed.
    pub scope: String,
    pub rp_id: String,
    pub origin: String,
    pub passkey: PasskeyUsed,
    pub authenticator_data: String,
    pub client_data: String,
    pub signature: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_handle: Option<String>,
    pub authentication: Authentication,
}

/// The passkey as it was before it signed. Bytes are base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyUsed {
    pub credential_id: String,
    /// Public key, algorithm and flags, as the WebAuthn library keeps them: JSON.
    pub credential: String,
    pub user_handle: String,
    pub counter: u32,
    pub backup_eligible: bool,
    pub attested: bool,
    pub created_at: i64,
}

impl Evidence {
    /// The one text of the evidence.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// What is kept of a signed request: what the client asked for, in its own words and under its own signature, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestEvidence {
    pub request: String,
    pub client_id: String,
    /// The table's name for the person whom its hint led to.
    pub person: String,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be swept. Unit: seconds since the epoch.
    pub kept_until: i64,
    /// The [`SaltedText`], sealed for this request and no other.
    pub sealed: String,
    /// [`SaltedText::commitment`]: by it a raw request that was opened once can be compared with the document anywhere.
    pub commitment: String,
    /// What the JWT is signed by.
    pub alg: JwsAlgorithm,
    /// The client's public key that verified it, as a JWK: by the time of a doubt the client may have others.
    pub key: Value,
}

impl RequestEvidence {
    /// The one text of the evidence.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A text that is kept sealed, and the salt that keeps it from being guessed by its commitment: a signed request of which
/// all is known but a `user_code` of four digits would be one of ten thousand.
///
/// # Security
/// A signed request may have a `user_code` and a `client_notification_token` in it, and what a person was shown is
/// theirs. Never stored but sealed, and never logged.
#[derive(Clone, Debug)]
pub struct SaltedText {
    salt: [u8; Self::SALT],
    text: Secret,
}

impl SaltedText {
    /// Unit: bytes.
    pub const SALT: usize = 32;

    pub fn new(salt: [u8; Self::SALT], text: Secret) -> Self {
        Self { salt, text }
    }

    /// From the salt's text. `None` if it is none.
    pub fn from_texts(salt: &str, text: Secret) -> Option<Self> {
        Some(Self { salt: URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?, text })
    }

    /// What [`SaltedText::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, text) = bytes.split_first_chunk()?;
        Some(Self { salt: *salt, text: Secret::new(std::str::from_utf8(text).ok()?) })
    }

    /// What is sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.salt, self.text.expose().as_bytes()].concat()
    }

    /// Its hash: names this text and no other, and says nothing about it.
    pub fn commitment(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.to_bytes()))
    }

    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    pub fn salt(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.salt)
    }
}

/// The digest that is kept beside a document, and in the log: two places that are not changed by one hand.
pub fn digest_of(document: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, document.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(salt: u8, jwt: &str) -> SaltedText {
        SaltedText::new([salt; SaltedText::SALT], Secret::new(jwt))
    }

    /// CIBA-7.1.1-19
    #[test]
    fn a_commitment_is_of_one_request_with_one_salt() {
        let commitment = raw(1, "a.b.c").commitment();
        assert_eq!(commitment.len(), 43);
        assert_eq!(commitment, raw(1, "a.b.c").commitment());
        assert_ne!(commitment, raw(2, "a.b.c").commitment(), "another salt");
        assert_ne!(commitment, raw(1, "a.b.d").commitment(), "another request");
        assert_ne!(commitment, digest_of("a.b.c"), "it cannot be made of what can be guessed");
    }

    #[test]
    fn a_raw_request_is_written_and_read_as_it_is() {
        let raw = raw(7, "a.b.c");
        for read in [
            SaltedText::from_bytes(&raw.to_bytes()),
            SaltedText::from_texts(&raw.salt(), Secret::new("a.b.c")),
        ] {
            let read = read.unwrap();
            assert_eq!((read.expose(), read.salt()), ("a.b.c", raw.salt()));
        }
        assert!(SaltedText::from_bytes(&[7; 31]).is_none());
        assert!(SaltedText::from_bytes(&[0xff; 40]).is_none(), "no text");
        for salt in ["", "BwcH", "not base64url!", &format!("{}A", raw.salt())] {
            assert!(SaltedText::from_texts(salt, Secret::new("a.b.c")).is_none(), "{salt}");
        }
    }

    /// HYG-5-01
    #[test]
    fn debug_output_shows_no_raw_request() {
        assert!(!format!("{:?}", raw(1, "needle")).contains("needle"));
    }
}
