//! Verifies evidence of either version, and determines what it proves and what it cannot prove with the available
//! data.
//!
//! On its own, evidence is at best consistent: with write access to the table, a forger can generate a key pair,
//! sign another statement with it and build a consistent document around it. So "verified" requires data that
//! such a forger cannot create: the witness's signature of the document, the signed record of the passkey's
//! enrollment, and RP ID and origin from another source.

use crate::domain::person::enrollment_record::EnrollmentRecord;
use crate::domain::person::passkey::PasskeyId;
use crate::domain::person::witnessed::Witnessed;
use crate::domain::request::evidence::{Evidence, KeptProof, RequestEvidence, SaltedText, Signed};
use crate::domain::request::evidence_document::{Document, Kind, Personal};
use crate::verify::evidence::{Flaw, undamaged, verify, verify_decision, verify_raw_request, verify_request};
use crate::verify::evidence_heads::Heads;
use crate::verify::webauthn::thumbprint;
use crate::verify::witness::{Purpose, WitnessKey};

/// The auditor's data from sources other than the evidence. Absent data is not compared, and the verdict says so.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// The key with which evidence is signed.
    pub evidence_key: Option<&'a WitnessKey>,
    /// The key with which enrollments are signed.
    pub enrollment_key: Option<&'a WitnessKey>,
    pub rp_id: Option<&'a str>,
    /// The origins at which people sign.
    pub origins: Option<&'a [String]>,
    /// The enrollment records of the person's passkeys.
    pub enrollments: &'a [Witnessed],
    /// The heads stored outside the table.
    pub heads: Option<&'a Heads>,
}

/// Evidence as it is stored.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// Its sort key.
    pub kind: &'a str,
    pub document: &'a str,
    pub digest: &'a str,
    pub witness: Option<&'a str>,
    /// Unit: seconds since the epoch.
    pub kept_until: i64,
}

/// The result of unsealing the sealed part of a document.
pub enum Opened {
    /// Unsealing was not attempted.
    Sealed,
    Text(SaltedText),
    /// The key has been erased, or is a different one.
    DoesNotOpen,
}

/// The signature in intact evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    OfPasskey,
    OfClient,
    /// There is no signature.
    Missing,
    /// The signature is in the sealed part, and was not checked.
    NotLookedAt,
    /// The signature is in the sealed part, which can no longer be unsealed.
    Erased,
}

impl Signature {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfPasskey | Self::OfClient => "right",
            Self::Missing => "none",
            Self::NotLookedAt => "sealed",
            Self::Erased => "erased",
        }
    }
}

/// The result for consistent evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The request that the evidence is about.
    pub request: String,
    /// `approved`, `denied`, `reported` or `requested`.
    pub says: &'static str,
    pub signature: Signature,
    /// The properties that are not proven, in words for the auditor. If the list is empty, the evidence is
    /// verified.
    pub not_proven: Vec<&'static str>,
}

impl Verdict {
    /// Whether the evidence is verified. Otherwise it is only consistent.
    pub fn is_verified(&self) -> bool {
        self.not_proven.is_empty()
    }

    /// Whether no signature by a key outside the table was verified.
    pub fn lacks_a_witness(&self) -> bool {
        [VERSION_1, NO_WITNESS, NO_KEY].iter().any(|why| self.not_proven.contains(why))
    }

    /// Whether no head is stored for the evidence.
    pub fn lacks_a_head(&self) -> bool {
        self.not_proven.contains(&VERSION_1) || self.not_proven.contains(&NO_HEAD)
    }
}

const VERSION_1: &str =
    "it has version 1, which has no witness: anybody with write access to the table could have created it";
const NO_WITNESS: &str = "it has no witness: it was stored without one, or its witness was removed; anybody with write access to the \
     table could have created it";
const NO_KEY: &str = "its witness was not checked, because the witness's key was not given";
const SEALED: &str = "its personal data is sealed, and its signature was NOT checked; evidence show --open --json shows it \
     unsealed";
const ERASED: &str = "its personal data cannot be unsealed: its key was erased, and with it the signature";
const NO_RP_ID: &str =
    "RP ID and origin are taken from the evidence itself: none were given to compare them with";
const NO_ENROLLMENT_KEY: &str =
    "that the passkey is the enrolled one: the key with which enrollments are signed was not given";
const NO_ENROLLMENT: &str =
    "that the passkey is the enrolled one: there is no signed record of its enrollment";
const NO_HEAD: &str = "its place in the chain: no head for it is stored outside the table";

/// # Errors
/// The flaw in the evidence. Evidence that is not intact proves nothing.
pub fn judge(stored: Stored<'_>, opened: &Opened, known: Known<'_>) -> Result<Verdict, Flaw> {
    match Document::decode(stored.document) {
        Some(_) => judge_document(stored, opened, known),
        None if stored.kind == Kind::Request.as_str() => judge_old_request(stored, opened),
        None => judge_old_decision(stored, known),
    }
}

/// Version 2.
///
/// 1. Digest, form, kind and retention date.
/// 2. The witness.
/// 3. Its place among the heads.
/// 4. The sealed part, and the signature in it.
fn judge_document(stored: Stored<'_>, opened: &Opened, known: Known<'_>) -> Result<Verdict, Flaw> {
    let document = undamaged(stored.document, stored.digest, Document::decode, Document::encode)?;
    if document.kept_until != stored.kept_until {
        return Err("its retention date is not the stored one".into());
    }
    if document.filed_as() != stored.kind {
        return Err("its kind is not the one that it is filed under".into());
    }
    let mut not_proven = Vec::new();
    let is_witnessed = match (stored.witness, known.evidence_key) {
        (None, _) => {
            not_proven.push(NO_WITNESS);
            false
        }
        (Some(_), None) => {
            not_proven.push(NO_KEY);
            false
        }
        (Some(witness), Some(key)) => {
            if !key.verifies(Purpose::Evidence, stored.document, witness) {
                return Err("its witness is not a signature of this document".into());
            }
            true
        }
    };
    if let Some(heads) = known.heads {
        match heads.at(&document.chain, document.sequence) {
            None => not_proven.push(NO_HEAD),
            Some(digests) if digests.len() == 1 && digests.contains(stored.digest) => {}
            Some(_) => {
                return Err("the head stored outside the table is of another document in its place".into());
            }
        }
    }
    let says = document.decision.map_or("requested", |outcome| outcome.as_str());
    let verdict =
        |signature, not_proven| Verdict { request: document.request.clone(), says, signature, not_proven };
    let text = match opened {
        Opened::Sealed => {
            not_proven.push(SEALED);
            return Ok(verdict(Signature::NotLookedAt, not_proven));
        }
        // Without a witness, nothing shows that the sealed part could ever be unsealed.
        Opened::DoesNotOpen if !is_witnessed => {
            return Err("its sealed part was not sealed here for this request, or its key was erased".into());
        }
        Opened::DoesNotOpen => {
            not_proven.push(ERASED);
            return Ok(verdict(Signature::Erased, not_proven));
        }
        Opened::Text(text) => text,
    };
    if text.commitment() != document.commitment {
        return Err("the unsealed text is not the one that was sealed".into());
    }
    if document.kind == Kind::Request {
        verify_raw_request(&request_of(&document)?, text)?;
        return Ok(verdict(Signature::OfClient, not_proven));
    }
    let personal = Personal::decode(text.expose()).ok_or(Flaw::from("the unsealed text is not evidence"))?;
    let evidence = document.with(personal).ok_or(Flaw::from("the document is not evidence of a decision"))?;
    verify_decision(&evidence)?;
    let signature = match &evidence.proof {
        KeptProof::Link | KeptProof::LoginToken { .. } | KeptProof::Session { .. } => Signature::Missing,
        KeptProof::Passkey(signed) => {
            let thumbprint = thumbprint(&signed.passkey.credential);
            if thumbprint.is_none() || thumbprint != document.thumbprint {
                return Err("the passkey is not the one named in the document".into());
            }
            not_proven.extend(compare(&evidence, signed, known)?);
            Signature::OfPasskey
        }
    };
    Ok(verdict(signature, not_proven))
}

fn request_of(document: &Document) -> Result<RequestEvidence, Flaw> {
    let (alg, key) = (document.alg, document.key.clone());
    let (alg, key) = alg.zip(key).ok_or(Flaw::from("the document is not evidence of a signed request"))?;
    Ok(RequestEvidence {
        request: document.request.clone(),
        client_id: document.client_id.clone(),
        person: document.person.clone(),
        at: document.at,
        kept_until: document.kept_until,
        sealed: document.sealed.clone(),
        commitment: document.commitment.clone(),
        alg,
        key,
    })
}

fn judge_old_decision(stored: Stored<'_>, known: Known<'_>) -> Result<Verdict, Flaw> {
    let evidence = verify(stored.document, stored.digest, stored.kept_until)?;
    let mut not_proven = vec![VERSION_1];
    let signature = match &evidence.proof {
        KeptProof::Link | KeptProof::LoginToken { .. } | KeptProof::Session { .. } => Signature::Missing,
        KeptProof::Passkey(signed) => {
            not_proven.extend(compare(&evidence, signed, known)?);
            Signature::OfPasskey
        }
    };
    Ok(Verdict { says: evidence.decision.as_str(), request: evidence.request, signature, not_proven })
}

fn judge_old_request(stored: Stored<'_>, opened: &Opened) -> Result<Verdict, Flaw> {
    let evidence = verify_request(stored.document, stored.digest, stored.kept_until)?;
    let mut not_proven = vec![VERSION_1];
    let signature = match opened {
        Opened::Sealed => {
            not_proven.push(SEALED);
            Signature::NotLookedAt
        }
        Opened::DoesNotOpen => {
            return Err("its sealed part was not sealed here for this request".into());
        }
        Opened::Text(text) => {
            verify_raw_request(&evidence, text)?;
            Signature::OfClient
        }
    };
    Ok(Verdict { request: evidence.request, says: "requested", signature, not_proven })
}

/// Compares the passkey in the evidence with the data from other sources. Returns the properties that could not
/// be compared.
fn compare(evidence: &Evidence, signed: &Signed, known: Known<'_>) -> Result<Vec<&'static str>, Flaw> {
    let mut not_proven = Vec::new();
    match (known.rp_id, known.origins) {
        (Some(rp_id), _) if rp_id != signed.rp_id => {
            return Err("it was signed for another RP ID".into());
        }
        (_, Some(origins)) if !origins.contains(&signed.origin) => {
            return Err("it was signed at another origin".into());
        }
        (Some(_), Some(_)) => {}
        (None | Some(_), _) => not_proven.push(NO_RP_ID),
    }
    let Some(key) = known.enrollment_key else {
        not_proven.push(NO_ENROLLMENT_KEY);
        return Ok(not_proven);
    };
    let id = crate::verify::evidence::decode(&signed.passkey.credential_id).map(|id| PasskeyId::of(&id));
    let is_signed = |it: &&Witnessed| key.verifies(Purpose::Enrollment, &it.document, &it.witness);
    let records =
        known.enrollments.iter().filter(is_signed).filter_map(|it| EnrollmentRecord::decode(&it.document));
    let records: Vec<_> = records
        .filter(|record| {
            record.person == evidence.person && id.as_ref().is_some_and(|id| id.as_str() == record.passkey)
        })
        .collect();
    let is_same = |record: &EnrollmentRecord| {
        Some(&record.thumbprint) == thumbprint(&signed.passkey.credential).as_ref()
            && record.rp_id == signed.rp_id
            && record.user_handle == signed.passkey.user_handle
            // The passkey may have become synced since then.
            && (signed.passkey.backup_eligible || !record.backup_eligible)
            && record.attested == signed.passkey.attested
            && record.at == signed.passkey.created_at
            && record.at <= evidence.at
    };
    match records.is_empty() {
        true => not_proven.push(NO_ENROLLMENT),
        false if records.iter().any(is_same) => {}
        false => return Err("the passkey is not the one that was enrolled".into()),
    }
    Ok(not_proven)
}
