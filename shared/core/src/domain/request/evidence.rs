//! Evidence of a decision and of the signed request for it, for an audit a year later, when the request itself
//! has long been deleted.
//!
//! This module has the documents of version 1, which can still be read, and the parts that version 2
//! ([`crate::domain::request::evidence_document`]) shares with it.
//!
//! A document is one JSON text, kept byte for byte together with its digest. It contains the passkey's response
//! as the authenticator delivered it, with the signed statement and the public key, so that anybody can verify it
//! without this provider. A client's signed request is sealed in it, because it may contain secrets.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::secret::Secret;
use crate::domain::details::request_context::RequestContext;

/// The evidence of one decision. It never contains a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub request: String,
    pub client_id: String,
    /// The key of the person's entry in the table.
    pub person: String,
    pub decision: Outcome,
    /// The approved scope, or the requested scope if it was not approved.
    pub scope: String,
    /// The requested `authorization_details`. If the request was approved, all of them were.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorization_details: Vec<Value>,
    /// The client's information about the origin of the request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_context: Option<RequestContext>,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be deleted. Unit: seconds since the epoch.
    pub kept_until: i64,
    pub proof: KeptProof,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Approved,
    Denied,
    /// Denied and reported, because the person did not start it.
    Reported,
    /// The earlier answer was a mistake.
    TakenBack,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::TakenBack => "taken_back",
        }
    }
}

/// How the person was authenticated for the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeptProof {
    /// Possession of the link, which is enough to decline the request, but for nothing else.
    Link,
    /// The login token's `iss` and `jti`, and the authentication in it.
    LoginToken {
        issuer: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        jti: Option<String>,
        authentication: Authentication,
    },
    Passkey(Box<Signed>),
    /// A session on the page: the login behind it, and what was on the screen.
    Session {
        issuer: String,
        /// SHA-256 of the ID token, in base64url.
        id_token: String,
        authentication: Authentication,
        /// The text of the [`Statement`](crate::domain::request::statement::Statement).
        statement: String,
    },
}

/// The data of a WebAuthn ceremony. Bytes are in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The text of the [`Statement`](crate::domain::request::statement::Statement).
    pub statement: String,
    /// The selected scope values, as they were signed.
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

/// The passkey as it was before it signed. Bytes are in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyUsed {
    pub credential_id: String,
    /// Public key, algorithm and flags, in the WebAuthn library's JSON.
    pub credential: String,
    pub user_handle: String,
    pub counter: u32,
    pub backup_eligible: bool,
    pub attested: bool,
    pub created_at: i64,
}

impl Evidence {
    /// The JSON text of the evidence.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The evidence of a signed request: the client's own text with its signature, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestEvidence {
    pub request: String,
    pub client_id: String,
    /// The table key of the person whom its hint identified.
    pub person: String,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be deleted. Unit: seconds since the epoch.
    pub kept_until: i64,
    /// The [`SaltedText`], sealed for this request only.
    pub sealed: String,
    /// [`SaltedText::commitment`], with which an unsealed request can be compared with the document anywhere.
    pub commitment: String,
    /// The signature algorithm of the JWT.
    pub alg: JwsAlgorithm,
    /// The client's public key that verified it, as a JWK: by the time of a dispute the client may have other
    /// keys.
    pub key: Value,
}

impl RequestEvidence {
    /// The JSON text of the evidence.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A text that is stored sealed, and the salt that prevents guessing it from its commitment: if everything in a
/// signed request but a four-digit `user_code` is known, there are only ten thousand possible texts.
///
/// # Security
/// A signed request may contain a `user_code` and a `client_notification_token`, and the details that a person
/// was shown are personal data. The text is stored only sealed, and never logged.
#[derive(Clone, Debug)]
pub struct SaltedText {
    salt: [u8; Self::SALT],
    text: Secret,
}

impl SaltedText {
    /// The length of the salt. Unit: bytes.
    pub const SALT: usize = 32;

    pub fn new(salt: [u8; Self::SALT], text: Secret) -> Self {
        Self { salt, text }
    }

    /// From the salt in base64url. `None` if the salt is malformed.
    pub fn from_texts(salt: &str, text: Secret) -> Option<Self> {
        Some(Self { salt: URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?, text })
    }

    /// From the result of [`SaltedText::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, text) = bytes.split_first_chunk()?;
        Some(Self { salt: *salt, text: Secret::new(std::str::from_utf8(text).ok()?) })
    }

    /// The bytes to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.salt, self.text.expose().as_bytes()].concat()
    }

    /// The hash of salt and text. It identifies this text, but reveals nothing about it.
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

/// The digest that is stored with a document and also written to the log. No single permission is enough to
/// change both.
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
        assert_ne!(commitment, digest_of("a.b.c"), "a guessed request is not enough to compute it");
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
        assert!(SaltedText::from_bytes(&[0xff; 40]).is_none(), "not UTF-8");
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
