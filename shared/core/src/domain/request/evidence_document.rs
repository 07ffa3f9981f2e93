//! Evidence in its current form: version 2 of the document, and its place in the person's chain of documents.
//!
//! Person, client, outcome and time are in plain text. All other personal data is sealed with a random key of
//! that person, so deleting the key erases the data everywhere at once, including copies and backups of the
//! document. The digest covers the sealed data, so even an erased document can be verified to be unchanged.
//!
//! The documents of one person are numbered, and each contains the digest of the previous one. Documents of
//! version 1 ([`crate::domain::request::evidence`]) have neither number nor witness; they can still be read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::time::Timestamp;
use crate::domain::details::request_context::RequestContext;
use crate::domain::request::evidence::{Evidence, KeptProof, Outcome};

/// The version of the documents that are written.
pub const VERSION: u8 = 2;

/// The subject of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Decision,
    /// A report after the decision.
    Report,
    /// The person took the decision back.
    TakenBack,
    /// A signed request, from the time of the request.
    Request,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Report => "report",
            Self::TakenBack => "taken_back",
            Self::Request => "request",
        }
    }
}

/// The kind of proof, which is in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofName {
    Link,
    LoginToken,
    Passkey,
    Session,
}

impl ProofName {
    pub const fn of(proof: &KeptProof) -> Self {
        match proof {
            KeptProof::Link => Self::Link,
            KeptProof::LoginToken { .. } => Self::LoginToken,
            KeptProof::Passkey(_) => Self::Passkey,
            KeptProof::Session { .. } => Self::Session,
        }
    }
}

/// A document of version 2. Its JSON text is kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`VERSION`].
    pub version: u8,
    pub kind: Kind,
    /// For a report after an operator lifted a block of the client: when it was lifted. Unit: milliseconds since
    /// the epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifted_at: Option<i64>,
    pub request: String,
    pub client_id: String,
    /// The key of the person's entry in the table.
    pub person: String,
    /// The name of the person's chain.
    pub chain: String,
    /// Its number in that chain, from 1.
    pub sequence: u64,
    /// The digest of the previous document; null for the first.
    pub previous: Option<String>,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// When it may be deleted. Unit: seconds since the epoch.
    pub kept_until: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<Outcome>,
    /// For a decision: the approved scope, or the requested scope if it was not approved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<ProofName>,
    /// The thumbprint (RFC 7638) of the public key of the passkey that signed the decision.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thumbprint: Option<String>,
    /// For a signed request: its signature algorithm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alg: Option<JwsAlgorithm>,
    /// For a signed request: the client's public key that verified it, as a JWK.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<Value>,
    /// The [`Personal`] members or the signed request, with a salt, sealed for this document only.
    pub sealed: String,
    /// [`SaltedText::commitment`](crate::domain::request::evidence::SaltedText::commitment) of the sealed text.
    pub commitment: String,
}

impl Document {
    /// The JSON text of the document.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// `None` if the text is not a document of this version.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|document: &Self| document.version == VERSION)
    }

    /// Its sort key in the table. One report blocks the client until the block is lifted, and further reports
    /// until then are not filed, so the sort key is unique.
    pub fn filed_as(&self) -> String {
        match self.lifted_at {
            Some(at) => format!("{}#{at}", self.kind.as_str()),
            None => self.kind.as_str().to_owned(),
        }
    }

    /// Its day in UTC: `2026-01-02`.
    pub fn day(&self) -> String {
        Timestamp::from_millis(self.at).day()
    }

    /// The evidence of a decision, with its unsealed personal members. `None` if the document is not about a
    /// decision, or if the unsealed proof is of a different kind than the document states.
    pub fn with(&self, personal: Personal) -> Option<Evidence> {
        if self.proof != Some(ProofName::of(&personal.proof)) {
            return None;
        }
        Some(Evidence {
            request: self.request.clone(),
            client_id: self.client_id.clone(),
            person: self.person.clone(),
            decision: self.decision?,
            scope: self.scope.clone()?,
            authorization_details: personal.authorization_details,
            request_context: personal.request_context,
            at: self.at,
            kept_until: self.kept_until,
            proof: personal.proof,
        })
    }
}

/// The sealed part of the evidence of a decision: all personal data beyond the decision itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorization_details: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_context: Option<RequestContext>,
    pub proof: KeptProof,
}

impl Personal {
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The head of one person's chain of documents. There is one chain for each person instead of one for all, so that
/// decisions of different people do not wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// A random name, without personal data.
    pub name: String,
    /// The number of the last document.
    pub sequence: u64,
    /// The digest of the last document. `None` before the first.
    pub head: Option<String>,
}

impl Chain {
    /// A chain without documents.
    pub fn new(random: [u8; 16]) -> Self {
        Self { name: URL_SAFE_NO_PAD.encode(random), sequence: 0, head: None }
    }

    /// The chain after its next document, which has this digest.
    #[must_use]
    pub fn then(&self, digest: &str) -> Self {
        Self { name: self.name.clone(), sequence: self.sequence + 1, head: Some(digest.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: Kind) -> Document {
        Document {
            version: VERSION,
            kind,
            lifted_at: None,
            request: "r".to_owned(),
            client_id: "kiosk".to_owned(),
            person: "p".to_owned(),
            chain: Chain::new([7; 16]).name,
            sequence: 1,
            previous: None,
            at: 1_800_000_000_000,
            kept_until: 1_900_000_000,
            decision: Some(Outcome::Denied),
            scope: Some("openid".to_owned()),
            proof: Some(ProofName::Link),
            thumbprint: None,
            alg: None,
            key: None,
            sealed: "AAAA".to_owned(),
            commitment: "A".repeat(43),
        }
    }

    /// HYG-5-03
    #[test]
    fn a_document_is_read_back_as_it_was_written() {
        for kind in [Kind::Decision, Kind::Report, Kind::TakenBack, Kind::Request] {
            let text = document(kind).encode();
            assert_eq!(Document::decode(&text), Some(document(kind)));
            assert!(text.contains(&format!(r#""version":2,"kind":"{}""#, kind.as_str())), "{text}");
            assert!(text.contains(r#""previous":null"#), "the first document has a null");
        }
    }

    /// HYG-5-03: a report after a block was lifted is a different document from the one before.
    #[test]
    fn a_document_is_filed_as_what_it_says() {
        assert_eq!(document(Kind::Report).filed_as(), "report");
        let later = Document { lifted_at: Some(7), ..document(Kind::Report) };
        assert_eq!(later.filed_as(), "report#7");
        assert_eq!(Document::decode(&later.encode()), Some(later));
    }

    /// HYG-5-03: documents of version 1 have no version number, and this program does not know any version after
    /// 2.
    #[test]
    fn a_document_of_another_version_is_not_read_as_this_one() {
        let text = document(Kind::Decision).encode();
        for other in [
            text.replace(r#""version":2"#, r#""version":3"#),
            text.replace(r#""version":2,"#, ""),
            text.replacen('{', r#"{"more":1,"#, 1),
            "{}".to_owned(),
        ] {
            assert_eq!(Document::decode(&other), None, "{other}");
        }
    }

    #[test]
    fn a_document_is_filed_under_its_day_in_utc() {
        for (at, expected) in [
            (0, "1970-01-01"),
            (1_799_999_999_999, "2027-01-15"),
            (951_782_400_000, "2000-02-29"),
            (4_107_542_400_000, "2100-03-01"),
            (1_704_067_199_999, "2023-12-31"),
            (-1, "1970-01-01"),
        ] {
            assert_eq!(Document { at, ..document(Kind::Decision) }.day(), expected);
        }
    }

    /// HYG-5-03
    #[test]
    fn a_chain_counts_from_one_and_remembers_its_last_document() {
        let chain = Chain::new([7; 16]);
        assert_eq!((chain.name.len(), chain.sequence, &chain.head), (22, 0, &None));
        let first = chain.then("one");
        let second = first.then("two");
        assert_eq!((first.sequence, second.sequence), (1, 2));
        assert_eq!((second.head.as_deref(), &second.name), (Some("two"), &chain.name));
    }

    /// HYG-5-03: the unsealed part is combined with the document that it belongs to, and with no other kind of
    /// document.
    #[test]
    fn what_is_opened_has_the_proof_that_stands_in_clear() {
        let personal =
            Personal { authorization_details: Vec::new(), request_context: None, proof: KeptProof::Link };
        let opened = document(Kind::Decision).with(personal.clone());
        assert_eq!(opened.map(|it| (it.decision, it.scope)), Some((Outcome::Denied, "openid".to_owned())));
        let other = Document { proof: Some(ProofName::Passkey), ..document(Kind::Decision) };
        assert_eq!(other.with(personal.clone()), None);
        let none = Document { decision: None, ..document(Kind::Decision) };
        assert_eq!(none.with(personal), None);
    }
}
