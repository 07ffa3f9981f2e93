//! Prepares evidence: personal data is sealed, the document is appended to the person's chain, and a key outside
//! the table signs it. Nothing is written here: the caller writes the evidence in the same transaction as the
//! event that it documents.

use std::time::Duration;

use serde_json::Value;

use crate::Invocation;
use ciba_aws::keys::{KeyError, KeyRings, KmsError, PersonalKey, Witness};
use ciba_aws::store::{EvidenceBasis, EvidenceWrite};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::request::evidence::{Outcome, SaltedText, digest_of};
use ciba_core::domain::request::evidence_document::{Chain, Document, Kind, Personal, ProofName, VERSION};
use ciba_core::protocol::request_object::SignedRequest;

/// Why there is no evidence. The event that it would document must then not happen. The text is for the log.
#[derive(Clone, Debug)]
pub enum NotKept {
    /// There are no keys to seal with, or the person's key cannot be decrypted.
    Keys(KeyError),
    /// The witness key did not sign.
    Witness(KmsError),
}

impl NotKept {
    /// The text for the log.
    pub fn detail(self) -> String {
        match self {
            Self::Keys(KeyError(why)) => why,
            Self::Witness(KmsError(why)) => format!("the evidence could not be signed: {why}"),
        }
    }
}

/// The dependencies of this flow.
#[derive(Clone, Copy)]
pub struct KeepEvidence<'a> {
    pub keys: &'a KeyRings,
    /// `None` if evidence is not signed by a witness.
    pub witness: Option<&'a Witness>,
    /// How long evidence is kept.
    pub retention: Duration,
}

/// The subject of the evidence.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub request: &'a RequestKey,
    pub client: &'a ClientId,
    pub person: &'a PersonKey,
}

/// The event to be documented.
pub enum Happened<'a> {
    Decided {
        kind: Kind,
        outcome: Outcome,
        /// For a report after the decision: when an operator last lifted the block of the client, if the client
        /// was blocked before.
        lifted_at: Option<Timestamp>,
        scope: String,
        /// The thumbprint of the passkey's public key, if one signed.
        thumbprint: Option<String>,
        personal: &'a Personal,
    },
    Asked(&'a SignedRequest),
}

impl Happened<'_> {
    /// The personal part, which is sealed.
    fn text(&self) -> Secret {
        match self {
            Self::Decided { personal, .. } => Secret::new(personal.encode()),
            Self::Asked(signed) => signed.text.clone(),
        }
    }

    const fn lifted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Decided { lifted_at, .. } => *lifted_at,
            Self::Asked(_) => None,
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Decided { kind, .. } => *kind,
            Self::Asked(_) => Kind::Request,
        }
    }
}

impl KeepEvidence<'_> {
    /// 1. Open the person's key, or create one.
    /// 2. Seal the personal data with it, for this document alone.
    /// 3. Number the document after the last one of this person.
    /// 4. Have it signed outside the table.
    pub async fn keep(
        &self,
        about: About<'_>,
        happened: &Happened<'_>,
        basis: &EvidenceBasis,
        invocation: &Invocation,
    ) -> Result<EvidenceWrite, NotKept> {
        let (key, new_key) = self.personal_key(about.person, basis, invocation).await?;
        let text = SaltedText::new(invocation.random(), happened.text());
        let last = basis.chain.clone().unwrap_or_else(|| Chain::new(invocation.random()));
        let (decision, scope, proof, thumbprint) = decided(happened);
        let (alg, client_key) = asked(happened);
        let mut document = Document {
            version: VERSION,
            kind: happened.kind(),
            lifted_at: happened.lifted_at().map(Timestamp::millis),
            request: about.request.encode(),
            client_id: about.client.as_str().to_owned(),
            person: about.person.as_str().to_owned(),
            chain: last.name.clone(),
            sequence: last.sequence + 1,
            previous: last.head.clone(),
            at: invocation.now.millis(),
            kept_until: invocation.now.plus(self.retention).seconds(),
            decision,
            scope,
            proof,
            thumbprint,
            alg,
            key: client_key,
            sealed: String::new(),
            commitment: text.commitment(),
        };
        let sealed = key.seal(about.request, &document.filed_as(), &text);
        document.sealed = sealed.ok_or_else(|| NotKept::Keys(KeyError("sealing failed".to_owned())))?;
        let text = document.encode();
        let digest = digest_of(&text);
        let witness = match self.witness {
            Some(witness) => Some(witness.of(&text).await.map_err(NotKept::Witness)?),
            None => None,
        };
        let next = last.then(&digest);
        Ok(EvidenceWrite { document, text, digest, witness, seen: basis.chain.clone(), next, new_key })
    }

    async fn personal_key(
        &self,
        person: &PersonKey,
        basis: &EvidenceBasis,
        invocation: &Invocation,
    ) -> Result<(PersonalKey, Option<Vec<u8>>), NotKept> {
        let ring = self.keys.get(invocation.now).await.map_err(NotKept::Keys)?;
        match &basis.personal_key {
            Some(wrapped) => {
                let key = ring.open_personal_key(person, wrapped);
                let forged =
                    |_| NotKept::Keys(KeyError("the person's evidence key cannot be decrypted".to_owned()));
                Ok((key.map_err(forged)?, None))
            }
            None => {
                let made = ring.new_personal_key(person, invocation.random());
                let (key, wrapped) = made.map_err(NotKept::Keys)?;
                Ok((key, Some(wrapped)))
            }
        }
    }
}

type Decided = (Option<Outcome>, Option<String>, Option<ProofName>, Option<String>);

fn decided(happened: &Happened<'_>) -> Decided {
    match happened {
        Happened::Decided { outcome, scope, thumbprint, personal, .. } => {
            let proof = ProofName::of(&personal.proof);
            (Some(*outcome), Some(scope.clone()), Some(proof), thumbprint.clone())
        }
        Happened::Asked(_) => (None, None, None, None),
    }
}

fn asked(happened: &Happened<'_>) -> (Option<JwsAlgorithm>, Option<Value>) {
    match happened {
        Happened::Decided { .. } => (None, None),
        Happened::Asked(signed) => (Some(signed.algorithm), Some(signed.key.clone())),
    }
}
