//! `evidence …`

mod exported;
mod shown;
mod verified;

use std::fs;
use std::path::Path;

use ciba::aws::Aws;
use ciba::config::{CeremonySettings, Environment, Issuer, WitnessSettings};
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::passkey::PasskeyId;
use ciba::domain::person::witnessed::Witnessed;
use ciba::domain::request::evidence::{Evidence, KeptProof, RequestEvidence, SaltedText};
use ciba::domain::request::evidence_document::{Document, Personal};
use ciba::keys::{KeyRing, KeyRings, Kms, KmsError, WitnessReader};
use ciba::store::{StoredEvidence, Table};
use ciba::verify::evidence_heads::Heads;
use ciba::verify::evidence_verdict::{Opened, Stored};
use ciba::verify::witness::{WitnessKey, WitnessKeySet};
use serde_json::json;

use crate::Output;
use crate::arguments::{EvidenceCommand, EvidenceVerify};
use crate::failure::Failure;
use crate::request::parse;
use crate::settings::{Settings, table};

/// The maximum number of items of the table that are searched for evidence.
const EVALUATE: i32 = 10_000_000;

/// One piece of evidence, and its sealed part.
pub(crate) struct Piece {
    stored: StoredEvidence,
    opened: Opened,
}

impl Piece {
    fn stored(&self) -> Stored<'_> {
        Stored {
            kind: &self.stored.kind,
            document: &self.stored.document,
            digest: &self.stored.digest,
            witness: self.stored.witness.as_deref(),
            kept_until: self.stored.ttl,
        }
    }

    /// The personal members of a decision, if they were opened.
    fn personal(&self) -> Option<Personal> {
        match &self.opened {
            Opened::Text(text) => Personal::decode(text.expose()),
            Opened::Sealed | Opened::DoesNotOpen => None,
        }
    }

    /// The decision, of either version, if it is open.
    fn decision(&self) -> Option<Evidence> {
        match Document::decode(&self.stored.document) {
            Some(document) => document.with(self.personal()?),
            None => Evidence::decode(&self.stored.document),
        }
    }
}

/// All evidence about one request.
pub(crate) struct Found {
    request: String,
    pieces: Vec<Piece>,
    /// The enrollment records of the passkeys that signed.
    enrollments: Vec<Witnessed>,
}

/// What evidence is compared with.
pub(crate) struct Beside {
    evidence_key: Option<WitnessKey>,
    enrollment_key: Option<WitnessKey>,
    rp_id: Option<String>,
    origins: Option<Vec<String>>,
    heads: Option<Heads>,
}

pub(crate) async fn run(
    command: &EvidenceCommand,
    environment: &Environment,
    now: Timestamp,
) -> Result<Output, Failure> {
    match command {
        EvidenceCommand::Show { request, open } => {
            let (key, found) = find(request, environment).await?;
            if !open {
                return Ok(shown::shown(&unopened(&key, found), None));
            }
            // An operator who is not allowed to open it is shown the rest.
            match opened(&key, found.clone(), environment, now).await {
                Ok(found) => Ok(shown::shown(&found, None)),
                Err(failure) => Ok(shown::shown(&unopened(&key, found), Some(&failure.to_string()))),
            }
        }
        EvidenceCommand::Verify(verify) => self::verify(verify, environment, now).await,
        EvidenceCommand::Witness => witness(environment).await,
        EvidenceCommand::Erase { sub, confirm } => erase(sub, *confirm, environment).await,
    }
}

async fn verify(
    verify: &EvidenceVerify,
    environment: &Environment,
    now: Timestamp,
) -> Result<Output, Failure> {
    // Works on files alone: no table, no network, no settings.
    if let Some(file) = &verify.file {
        let found = exported::read(file)?;
        return Ok(verified::verified(&found, &beside(verify, None).await?));
    }
    let beside = beside(verify, Some(environment)).await?;
    if verify.all {
        return all(&beside, environment, now).await;
    }
    let (key, found) = find(verify.request.as_deref().unwrap_or_default(), environment).await?;
    Ok(verified::verified(&opened(&key, found, environment, now).await?, &beside))
}

/// From the arguments, and from the settings for what the arguments leave out.
async fn beside(verify: &EvidenceVerify, environment: Option<&Environment>) -> Result<Beside, Failure> {
    let keys = match (&verify.witness, environment) {
        (Some(file), _) => read_keys(file)?,
        (None, Some(environment)) => keys(environment).await?,
        (None, None) => WitnessKeySet::default(),
    };
    let key = |jwk: Option<&_>| {
        let key = jwk.map(|jwk| {
            WitnessKey::of(jwk)
                .ok_or_else(|| Failure::Usage("the witness key is not an ES256 key".to_owned()))
        });
        key.transpose()
    };
    let settings = environment.and_then(|environment| {
        let issuer = Issuer::read(environment).ok()?;
        CeremonySettings::read(environment, &issuer).ok().flatten()
    });
    let (rp_id, origins) = settings.map(|it| (Some(it.rp_id), Some(it.origins))).unwrap_or_default();
    let given = (!verify.origin.is_empty()).then(|| verify.origin.clone());
    let heads = verify.heads.as_deref().map(|file| {
        let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
        let heads = Heads::read(&text).map_err(cannot)?;
        if heads.is_empty() { Err(cannot("it contains no heads of evidence".to_owned())) } else { Ok(heads) }
    });
    Ok(Beside {
        evidence_key: key(keys.evidence.as_ref())?,
        enrollment_key: key(keys.enrollment.as_ref())?,
        rp_id: verify.rp_id.clone().or(rp_id),
        origins: given.or(origins),
        heads: heads.transpose()?,
    })
}

fn read_keys(file: &Path) -> Result<WitnessKeySet, Failure> {
    let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| cannot(format!("not the output of evidence witness --json: {error}")))
}

/// The public keys, from KMS.
async fn keys(environment: &Environment) -> Result<WitnessKeySet, Failure> {
    let ids = [WitnessSettings::evidence_key(environment), WitnessSettings::enrollment_key(environment)];
    if ids == [None, None] {
        return Ok(WitnessKeySet::default());
    }
    let kms = Kms::connect(&Aws::read(environment)?);
    let mut keys = [None, None];
    for (key, id) in keys.iter_mut().zip(ids) {
        if let Some(id) = id {
            let jwk = WitnessReader::new(&kms, id).jwk().await;
            *key = Some(jwk.map_err(|KmsError(why)| Failure::Witness(why))?);
        }
    }
    let [evidence, enrollment] = keys;
    Ok(WitnessKeySet { evidence, enrollment })
}

async fn witness(environment: &Environment) -> Result<Output, Failure> {
    let keys = keys(environment).await?;
    if keys == WitnessKeySet::default() {
        let why = "EVIDENCE_KEY_ID and ENROLLMENT_KEY_ID are not set: evidence has no witness";
        return Err(Failure::Refused(why.to_owned()));
    }
    let line = |name: &str, key: &Option<ciba::protocol::jwks::PublicJwk>| match key {
        Some(jwk) => format!("{name}: {}\n", jwk.kid),
        None => format!("{name}: not configured\n"),
    };
    let text = line("evidence", &keys.evidence) + &line("enrolment", &keys.enrollment);
    let note = "Keep the output of --json where nobody with write access to the table can change it, for evidence verify \
                --witness.\n";
    Ok(Output::new(text + note, json!(keys)))
}

async fn find(name: &str, environment: &Environment) -> Result<(RequestKey, Vec<StoredEvidence>), Failure> {
    let key = parse(name).ok_or_else(|| {
        Failure::Refused("a request is identified by 22 base64url characters, or by its link".to_owned())
    })?;
    let found = table(environment)?.find_evidence(&key).await?;
    if found.is_empty() {
        Err(Failure::Refused(format!("there is no evidence about request {}", key.encode())))
    } else {
        Ok((key, found))
    }
}

fn unopened(key: &RequestKey, found: Vec<StoredEvidence>) -> Found {
    let pieces = found.into_iter().map(|stored| Piece { stored, opened: Opened::Sealed }).collect();
    Found { request: key.encode(), pieces, enrollments: Vec::new() }
}

/// Opens the sealed parts with the functions' keys. Evidence without a sealed part needs no key.
async fn opened(
    key: &RequestKey,
    found: Vec<StoredEvidence>,
    environment: &Environment,
    now: Timestamp,
) -> Result<Found, Failure> {
    let mut found = unopened(key, found);
    let table = table(environment)?;
    let mut ring = None;
    for piece in &mut found.pieces {
        let is_sealed = Document::decode(&piece.stored.document).is_some()
            || RequestEvidence::decode(&piece.stored.document).is_some();
        if !is_sealed {
            continue;
        }
        if ring.is_none() {
            let rings = KeyRings::new(table.clone(), Kms::connect(&Aws::read(environment)?));
            ring = Some(rings.get(now).await.map_err(Failure::Sealed)?);
        }
        if let Some(ring) = &ring {
            piece.opened = open(key, &piece.stored.document, ring, &table).await?;
        }
    }
    for piece in &found.pieces {
        if let Some((person, passkey)) = signer(piece) {
            found.enrollments.extend(table.find_enrollments(&person, &passkey).await?);
        }
    }
    Ok(found)
}

async fn open(key: &RequestKey, document: &str, ring: &KeyRing, table: &Table) -> Result<Opened, Failure> {
    let text: Option<SaltedText> = match Document::decode(document) {
        Some(document) => {
            let person = PersonKey::from_stored(&document.person);
            let basis = table.find_evidence_basis(&person).await?;
            let wrapped = basis.personal_key;
            let personal = wrapped.and_then(|wrapped| ring.open_personal_key(&person, &wrapped).ok());
            personal.and_then(|personal| personal.open(key, &document.filed_as(), &document.sealed))
        }
        None => {
            let evidence = RequestEvidence::decode(document);
            evidence.and_then(|evidence| ring.open_evidence(key, &evidence.sealed).ok())
        }
    };
    Ok(text.map_or(Opened::DoesNotOpen, Opened::Text))
}

/// The person whose passkey signed, and that passkey.
fn signer(piece: &Piece) -> Option<(PersonKey, PasskeyId)> {
    let evidence = piece.decision()?;
    let KeptProof::Passkey(signed) = &evidence.proof else { return None };
    let id = ciba::verify::evidence::decode(&signed.passkey.credential_id)?;
    Some((PersonKey::from_stored(&evidence.person), PasskeyId::of(&id)))
}

/// Verifies all documents in the table, unopened: each on its own, and all against each other.
async fn all(beside: &Beside, environment: &Environment, now: Timestamp) -> Result<Output, Failure> {
    let mut found = Vec::new();
    let take = |request: &str, stored: StoredEvidence| {
        found.push((request.to_owned(), Piece { stored, opened: Opened::Sealed }));
    };
    let is_complete = table(environment)?.scan_evidence(EVALUATE, take).await?;
    Ok(verified::all(&found, is_complete, beside, now))
}

/// Deletes the key of the personal parts of the evidence about a person.
async fn erase(sub: &str, confirm: bool, environment: &Environment) -> Result<Output, Failure> {
    let settings = Settings::read(environment)?;
    let (person, _) = crate::person::find(sub, &settings).await?.ok_or_else(|| crate::person::nobody(sub))?;
    let has_key = settings.table.find_evidence_basis(&person.key).await?.personal_key.is_some();
    if !has_key {
        return Err(Failure::Refused(format!("person {sub}: there is no sealed evidence about them")));
    }
    if !confirm {
        let text = format!(
            "This makes what was shown to {sub}, what they signed, and what clients signed about them permanently unreadable. \
             That they decided, about which client and when, remains on record. Add --confirm to erase it.\n"
        );
        return Ok(Output::new(text, json!({ "sub": sub, "erased": false })));
    }
    settings.table.delete_personal_key(&person.key).await?;
    let text = format!(
        "The personal parts of the evidence about {sub} are erased. Backups of the table contain the key until they expire.\n"
    );
    Ok(Output::new(text, json!({ "sub": sub, "erased": true })))
}
