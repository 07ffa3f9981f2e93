//! Evidence of a passkey's signature: created when the person decides, and verified in a dispute.
//!
//! Verification needs only the document and its unsealed part: no table, no network, no key of this provider. It
//! therefore shows only that a document is consistent; `evidence_verdict` decides what that proves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::person::passkey::{Passkey, PasskeyId, UserHandle};
use crate::domain::request::decision::DecisionWord;
use crate::domain::request::evidence::{
    Evidence, KeptProof, Outcome, PasskeyUsed, RequestEvidence, SaltedText, Signed, digest_of,
};
use crate::domain::request::statement::{Shown, Statement};
use crate::protocol::webauthn::Assertion;
use crate::verify::jws::UnverifiedJws;
use crate::verify::verification_key::{self, VerificationKey};
use crate::verify::webauthn::{Asserted, RelyingParty};

/// The flaw because of which evidence proves nothing, in words for the auditor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw(pub String);

impl From<&str> for Flaw {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// The evidence of a verified signature.
pub fn signed(
    relying_party: &RelyingParty,
    assertion: &Assertion,
    (passkey, asserted): (&Passkey, &Asserted),
    statement: String,
    scope: String,
    at: Timestamp,
) -> Signed {
    Signed {
        statement,
        scope,
        rp_id: relying_party.rp_id().to_owned(),
        origin: asserted.origin.clone(),
        passkey: PasskeyUsed {
            credential_id: encode(assertion.credential_id()),
            credential: passkey.credential.clone(),
            user_handle: encode(passkey.user_handle.as_bytes()),
            counter: passkey.counter,
            backup_eligible: passkey.backup_eligible,
            attested: passkey.attested,
            created_at: passkey.created_at.millis(),
        },
        authenticator_data: encode(assertion.authenticator_data()),
        client_data: encode(assertion.client_data()),
        signature: encode(assertion.signature()),
        user_handle: assertion.user_handle().map(encode),
        authentication: asserted.applied_to(passkey).authentication(at),
    }
}

/// 1. The document matches the digest, and is evidence.
/// 2. Its retention date matches the stored one.
/// 3. If a passkey signed: the statement is about this request, client and person, scope and decision are those
///    that were signed, and the signature is valid.
pub fn verify(document: &str, digest: &str, kept_until: i64) -> Result<Evidence, Flaw> {
    let evidence = undamaged(document, digest, Evidence::decode, Evidence::encode)?;
    is_kept_until(evidence.kept_until, kept_until)?;
    verify_decision(&evidence)?;
    Ok(evidence)
}

/// Step 3, for both versions.
pub(super) fn verify_decision(evidence: &Evidence) -> Result<(), Flaw> {
    match &evidence.proof {
        KeptProof::Link if evidence.decision != Outcome::Denied => {
            Err("a link can prove only a denial".into())
        }
        KeptProof::Link | KeptProof::LoginToken { .. } => Ok(()),
        KeptProof::Passkey(signed) => verify_signed(evidence, signed),
        KeptProof::Session { statement, .. } => {
            let statement = verify_shown(evidence, statement)?;
            let was_shown = |value: &str| statement.scope.iter().any(|shown| shown.value == value);
            if evidence.scope.split(' ').all(was_shown) {
                Ok(())
            } else {
                Err("the scope has values that were not shown".into())
            }
        }
    }
}

/// The checks for a signed request that need no unsealed text: the digest and the retention date.
pub fn verify_request(document: &str, digest: &str, kept_until: i64) -> Result<RequestEvidence, Flaw> {
    let evidence = undamaged(document, digest, RequestEvidence::decode, RequestEvidence::encode)?;
    is_kept_until(evidence.kept_until, kept_until)?;
    Ok(evidence)
}

/// The evidence in a document that matches its digest and is in canonical form.
pub(super) fn undamaged<E>(
    document: &str,
    digest: &str,
    decode: fn(&str) -> Option<E>,
    encode: fn(&E) -> String,
) -> Result<E, Flaw> {
    if digest_of(document) != digest {
        return Err("the document does not match its digest".into());
    }
    let evidence = decode(document).ok_or(Flaw::from("the document is not evidence"))?;
    if encode(&evidence) == document {
        Ok(evidence)
    } else {
        Err("the document is not in the canonical form of evidence".into())
    }
}

fn is_kept_until(said: i64, stored: i64) -> Result<(), Flaw> {
    if said == stored { Ok(()) } else { Err("its retention date is not the stored one".into()) }
}

/// The other checks, with the unsealed signed request: it matches the commitment, is signed by the key in the
/// evidence, and its issuer is the client. The client's key set at the time, or the log, shows whether that key
/// was the client's.
pub fn verify_raw_request(evidence: &RequestEvidence, raw: &SaltedText) -> Result<(), Flaw> {
    if raw.commitment() != evidence.commitment {
        return Err("the signed request is not the one that was sealed".into());
    }
    let jws = UnverifiedJws::parse(raw.expose());
    let jws = jws.map_err(|_| Flaw::from("the signed request is not a signed JWT"))?;
    let jwk = verification_key::parse(evidence.key.clone()).ok_or(Flaw::from("the key is malformed"))?;
    let key = VerificationKey::new(&jwk, evidence.alg);
    let key = key.ok_or(Flaw::from("the key does not fit the algorithm"))?;
    let claims = jws.verify(&key).ok_or(Flaw::from("the signature of the signed request is invalid"))?;
    if claims.get("iss").is_some_and(|iss| iss == evidence.client_id.as_str()) {
        Ok(())
    } else {
        Err("the signed request was made by another client".into())
    }
}

/// The statement is about this decision: request, client, person, everything requested beyond the scope, and it is not
/// later than the decision.
fn verify_shown(evidence: &Evidence, text: &str) -> Result<Statement, Flaw> {
    let statement = Statement::decode(text).ok_or(Flaw::from("the statement is malformed"))?;
    if (&statement.request, &statement.client_id, &statement.person)
        != (&evidence.request, &evidence.client_id, &evidence.person)
    {
        return Err("the statement is about another request, client or person".into());
    }
    let shown_details = statement.authorization_details.iter().map(|shown| &shown.value);
    let shown_context = statement.request_context.as_ref().map(|shown| &shown.value);
    if !shown_details.eq(&evidence.authorization_details)
        || shown_context != evidence.request_context.as_ref()
    {
        return Err("authorization_details or request_context are not those that were shown".into());
    }
    if statement.asked_at() > Timestamp::from_millis(evidence.at) {
        return Err("it was decided before it was requested".into());
    }
    Ok(statement)
}

fn verify_signed(evidence: &Evidence, signed: &Signed) -> Result<(), Flaw> {
    let statement = verify_shown(evidence, &signed.statement)?;
    let word = match evidence.decision {
        Outcome::Approved => DecisionWord::Approve,
        Outcome::Denied => DecisionWord::Deny,
        Outcome::Reported => DecisionWord::Report,
        Outcome::TakenBack => DecisionWord::TakeBack,
    };
    let asked = statement.in_order(|_| true);
    let decided = if evidence.decision == Outcome::Approved { &signed.scope } else { &asked };
    if !is_same_scope(decided, &evidence.scope) {
        return Err("the scope is not the one that was signed".into());
    }
    let passkey = passkey(evidence, signed).ok_or(Flaw::from("the passkey is malformed"))?;
    let relying_party = RelyingParty::new(&signed.rp_id, std::slice::from_ref(&signed.origin), "evidence")
        .map_err(|error| Flaw(error.0))?;
    let challenge = Shown::of(&signed.statement).challenge(&signed.scope, word);
    let assertion = assertion(signed).ok_or(Flaw::from("the assertion is malformed"))?;
    let asserted = relying_party.verify(&assertion, &passkey, &challenge).map_err(|error| Flaw(error.0))?;
    let used = asserted.applied_to(&passkey);
    if used.authentication(Timestamp::from_millis(evidence.at)) != signed.authentication {
        return Err("the passkey does not prove the stated authentication".into());
    }
    Ok(())
}

fn is_same_scope(one: &str, other: &str) -> bool {
    match (Scope::parse(one), Scope::parse(other)) {
        (Some(one), Some(other)) => one.same_as(&other),
        (Some(_) | None, _) => false,
    }
}

fn passkey(evidence: &Evidence, signed: &Signed) -> Option<Passkey> {
    let used = &signed.passkey;
    Some(Passkey {
        id: PasskeyId::of(&decode(&used.credential_id)?),
        person: PersonKey::from_stored(&evidence.person),
        user_handle: UserHandle::from_stored(&decode(&used.user_handle)?)?,
        credential: used.credential.clone(),
        counter: used.counter,
        rp_id: signed.rp_id.clone(),
        backup_eligible: used.backup_eligible,
        attested: used.attested,
        created_at: Timestamp::from_millis(used.created_at),
        // It decides what may be approved, and nothing about the signature.
        is_self_enrolled: false,
        last_used_at: None,
        enrollment: None,
    })
}

fn assertion(signed: &Signed) -> Option<Assertion> {
    let id = &signed.passkey.credential_id;
    let mut response = json!({
        "clientDataJSON": signed.client_data,
        "authenticatorData": signed.authenticator_data,
        "signature": signed.signature,
    });
    if let Some(handle) = &signed.user_handle {
        response["userHandle"] = json!(handle);
    }
    serde_json::from_value(json!({ "id": id, "rawId": id, "type": "public-key", "response": response })).ok()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
