//! Evidence of a decision, and of the signed request that it is about: what an auditor is shown a year later, when the request itself has long been swept.
//!
//! A document is one JSON text, kept byte for byte with its digest. What the person's passkey signed stands in it as the
//! authenticator delivered it, with the statement it was signed over and the public key, so that everybody can verify it
//! without this provider.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::decision::Authentication;

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
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be swept. Unit: seconds since the epoch.
    pub kept_until: i64,
    pub proof: Proof,
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
pub enum Proof {
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
    /// The text of the [`Statement`](crate::domain::statement::Statement).
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

/// What is kept of a signed request: what the client asked for, in its own words and under its own signature.
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
    /// The JWT, byte for byte.
    pub signed: String,
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

/// The digest that is kept beside a document, and in the log: two places that are not changed by one hand.
pub fn digest_of(document: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, document.as_bytes()))
}
