//! `evidence …`

use std::fs;
use std::path::Path;

use ciba::aws::Aws;
use ciba::config::Environment;
use ciba::domain::authorization_details::Row;
use ciba::domain::evidence::{Evidence, Proof, RawRequest, RequestEvidence};
use ciba::domain::request_context::RequestContext;
use ciba::domain::request_key::RequestKey;
use ciba::domain::secret::Secret;
use ciba::domain::statement::Statement;
use ciba::domain::time::Timestamp;
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::evidence::{Flaw, verify, verify_raw_request, verify_request};
use ciba::store::{REQUEST_EVIDENCE, StoredEvidence, Table};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::EvidenceCommand;
use crate::failure::Failure;
use crate::request::parse;
use crate::screen::{fields, utc};
use crate::settings::table;

/// What `evidence show --json` prints: all that verifying needs.
#[derive(Deserialize)]
struct Exported {
    request: String,
    evidence: Vec<ExportedEvidence>,
}

#[derive(Deserialize)]
struct ExportedEvidence {
    kind: String,
    document: String,
    digest: String,
    kept_until: i64,
    #[serde(default)]
    opened: Option<ExportedRequest>,
}

/// What the client signed, in clear, and its salt.
#[derive(Deserialize)]
struct ExportedRequest {
    request: Secret,
    salt: String,
}

/// What a client signed, of which the table has it sealed.
enum Raw {
    Sealed,
    Opened(RawRequest),
    /// It was tried, and why it failed.
    NotOpened(Flaw),
}

pub(crate) async fn run(
    command: &EvidenceCommand,
    environment: &Environment,
    now: Timestamp,
) -> Result<Output, Failure> {
    match command {
        EvidenceCommand::Show { request, open } => {
            let (key, found) = find(request, environment).await?;
            let raw = match (open, sealed(&found)) {
                (true, Some(document)) => self::open(&key, document, environment, now).await,
                (true | false, _) => Ok(Raw::Sealed),
            };
            // Whoever may not open it is shown the rest.
            let raw = raw.unwrap_or_else(|failure| Raw::NotOpened(Flaw(failure.to_string())));
            Ok(shown(&key.encode(), &found, &raw))
        }
        EvidenceCommand::Verify { request: Some(request), .. } => {
            let (key, found) = find(request, environment).await?;
            let raw = match sealed(&found) {
                Some(document) => open(&key, document, environment, now).await?,
                None => Raw::Sealed,
            };
            Ok(verified(&key.encode(), &found, &raw))
        }
        EvidenceCommand::Verify { request: None, file } => {
            // Nothing but the file: no table, no network, no settings.
            let (request, found, raw) = read(file.as_deref().unwrap_or(Path::new("-")))?;
            Ok(verified(&request, &found, &raw))
        }
    }
}

async fn find(name: &str, environment: &Environment) -> Result<(RequestKey, Vec<StoredEvidence>), Failure> {
    let key = parse(name).ok_or_else(|| {
        Failure::Refused("a request is named by 22 characters of base64url, or by its link".to_owned())
    })?;
    let found = table(environment)?.find_evidence(&key).await?;
    match found.is_empty() {
        true => Err(Failure::Refused(format!("request {}: there is no evidence of it", key.encode()))),
        false => Ok((key, found)),
    }
}

/// The document that has something sealed in it.
fn sealed(found: &[StoredEvidence]) -> Option<&str> {
    found.iter().find(|stored| stored.kind == REQUEST_EVIDENCE).map(|stored| stored.document.as_str())
}

/// With the keys as the functions have them.
async fn open(
    key: &RequestKey,
    document: &str,
    environment: &Environment,
    now: Timestamp,
) -> Result<Raw, Failure> {
    let Some(evidence) = RequestEvidence::decode(document) else {
        return Ok(Raw::NotOpened("the document is not evidence".into()));
    };
    let aws = Aws::read(environment)?;
    let rings = KeyRings::new(Table::connect(&aws), Kms::connect(&aws));
    let ring = rings.get(now).await.map_err(Failure::Sealed)?;
    Ok(match ring.open_evidence(key, &evidence.sealed) {
        Ok(raw) => Raw::Opened(raw),
        Err(_) => Raw::NotOpened("what is sealed in it was not sealed here for this request".into()),
    })
}

fn read(file: &Path) -> Result<(String, Vec<StoredEvidence>, Raw), Failure> {
    let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    let exported: Exported = serde_json::from_str(&text)
        .map_err(|error| cannot(format!("not what evidence show --json prints: {error}")))?;
    if exported.evidence.is_empty() {
        return Err(cannot("there is no evidence in it".to_owned()));
    }
    let (mut found, mut raw) = (Vec::new(), Raw::Sealed);
    for it in exported.evidence {
        if let (REQUEST_EVIDENCE, Some(opened)) = (it.kind.as_str(), it.opened) {
            raw = RawRequest::from_texts(&opened.salt, opened.request)
                .map_or_else(|| Raw::NotOpened("the salt is none".into()), Raw::Opened);
        }
        found.push(StoredEvidence {
            kind: it.kind,
            document: it.document,
            digest: it.digest,
            ttl: it.kept_until,
        });
    }
    Ok((exported.request, found, raw))
}

fn shown(request: &str, found: &[StoredEvidence], raw: &Raw) -> Output {
    let text = found.iter().map(|stored| match lines_of(stored, raw) {
        Some(lines) => fields(&lines),
        None => format!("{}: this is no evidence; evidence verify says why\n", stored.kind),
    });
    let text = text.collect::<Vec<_>>().join("\n");
    let entries: Vec<Value> = found
        .iter()
        .map(|it| {
            let mut entry = json!({ "kind": it.kind, "document": it.document, "digest": it.digest,
                "kept_until": it.ttl });
            match (it.kind.as_str(), raw) {
                (REQUEST_EVIDENCE, Raw::Opened(raw)) => {
                    entry["opened"] = json!({ "request": raw.expose(), "salt": raw.salt() });
                }
                (REQUEST_EVIDENCE, Raw::NotOpened(Flaw(why))) => {
                    (entry["opened"], entry["not_opened"]) = (Value::Null, json!(why));
                }
                (_, _) => {}
            }
            entry
        })
        .collect();
    let is_clean = !matches!(raw, Raw::NotOpened(_));
    Output { is_clean, ..Output::new(text, json!({ "request": request, "evidence": entries })) }
}

fn lines_of(stored: &StoredEvidence, raw: &Raw) -> Option<Vec<(&'static str, Vec<String>)>> {
    match stored.kind.as_str() {
        REQUEST_EVIDENCE => {
            RequestEvidence::decode(&stored.document).map(|it| request_lines(&it, stored, raw))
        }
        _ => Evidence::decode(&stored.document).map(|it| lines(&it, stored)),
    }
}

/// What the client signed is never on the screen, opened or not: it names the person, and may have their code.
fn request_lines(
    evidence: &RequestEvidence,
    stored: &StoredEvidence,
    raw: &Raw,
) -> Vec<(&'static str, Vec<String>)> {
    let key = evidence.key.get("kid").and_then(Value::as_str);
    let state = match raw {
        Raw::Sealed => "sealed; --open opens it for --json".to_owned(),
        Raw::Opened(raw) => format!("of {} bytes, opened; --json has it", raw.expose().len()),
        Raw::NotOpened(Flaw(why)) => format!("sealed, and NOT opened: {why}"),
    };
    vec![
        ("signed request", vec![state]),
        ("at", vec![utc(Timestamp::from_millis(evidence.at))]),
        ("client", vec![evidence.client_id.clone()]),
        ("person", vec![evidence.person.clone()]),
        ("algorithm", vec![evidence.alg.as_str().to_owned()]),
        ("key", key.map(str::to_owned).into_iter().collect()),
        ("kept until", vec![utc(Timestamp::from_seconds(evidence.kept_until))]),
        ("digest", vec![stored.digest.clone()]),
    ]
}

fn lines(evidence: &Evidence, stored: &StoredEvidence) -> Vec<(&'static str, Vec<String>)> {
    let mut lines = vec![
        ("decision", vec![evidence.decision.as_str().to_owned()]),
        ("at", vec![utc(Timestamp::from_millis(evidence.at))]),
        ("client", vec![evidence.client_id.clone()]),
        ("person", vec![evidence.person.clone()]),
        ("scope", vec![evidence.scope.clone()]),
    ];
    let json = |value: &Value| value.to_string();
    lines.push(("details", evidence.authorization_details.iter().map(json).collect()));
    lines.push(("context", evidence.request_context.iter().map(RequestContext::encode).collect()));
    match &evidence.proof {
        Proof::Link => lines.push(("proof", vec!["the link alone, which is enough to decline".to_owned()])),
        Proof::LoginToken { issuer, jti, authentication } => {
            lines.push(("proof", vec!["a login token".to_owned()]));
            lines.push(("issuer", vec![issuer.clone()]));
            lines.push(("jti", jti.iter().cloned().collect()));
            lines.push(("logged in at", vec![utc(authentication.auth_time)]));
        }
        Proof::Passkey(signed) => {
            lines.push(("proof", vec![format!("a passkey of {}, at {}", signed.rp_id, signed.origin)]));
            lines.push(("credential", vec![signed.passkey.credential_id.clone()]));
            if let Some(statement) = Statement::decode(&signed.statement) {
                lines.extend(on_the_screen(&statement));
            }
            lines.push(("selected", vec![signed.scope.clone()]));
        }
    }
    lines.push(("kept until", vec![utc(Timestamp::from_seconds(evidence.kept_until))]));
    lines.push(("digest", vec![stored.digest.clone()]));
    lines
}

/// What the person read before they signed.
fn on_the_screen(statement: &Statement) -> Vec<(&'static str, Vec<String>)> {
    let scope = statement.scope.iter().map(|shown| format!("{}: {}", shown.value, shown.words));
    let row = |row: &Row| format!("{}: {}", row.label, row.value);
    let words = statement.authorization_details.iter().flat_map(|shown| {
        let rows = shown.words.rows.iter().map(row);
        [shown.words.title.clone()].into_iter().chain(rows)
    });
    let context = statement.request_context.iter().flat_map(|shown| &shown.rows).map(row);
    vec![
        ("asked at", vec![utc(statement.asked_at())]),
        ("shown", vec![format!("in {}, template {}", statement.language, statement.template)]),
        ("  client", vec![statement.client_name.clone()]),
        ("  message", statement.binding_message.iter().cloned().collect()),
        ("  scope", scope.collect()),
        ("  resources", statement.resources.clone()),
        ("  details", words.collect()),
        ("  context", context.collect()),
    ]
}

/// What became of the signature in evidence that is whole.
#[derive(Clone, Copy)]
enum Signature {
    OfPasskey,
    OfClient,
    /// There is none.
    Missing,
    /// It is sealed with what it is over.
    NotLookedAt,
}

impl Signature {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OfPasskey | Self::OfClient => "verified",
            Self::Missing => "none",
            Self::NotLookedAt => "sealed",
        }
    }
}

fn verified(request: &str, found: &[StoredEvidence], raw: &Raw) -> Output {
    let mut text = String::new();
    let mut entries = Vec::new();
    let (mut is_clean, mut is_complete) = (true, true);
    for stored in found {
        let kind = &stored.kind;
        let result = judged(stored, raw).and_then(|(about, proves, signature)| match about == request {
            true => Ok((proves, signature)),
            false => Err(Flaw::from("it is about another request")),
        });
        let (line, proves, why) = match &result {
            Ok((proves, Signature::OfPasskey)) => {
                (format!("{proves}: whole, and signed by the passkey in it"), Some(*proves), None)
            }
            Ok((proves, Signature::OfClient)) => {
                (format!("{proves}: whole, and signed by the client's key in it"), Some(*proves), None)
            }
            Ok((proves, Signature::Missing)) => {
                let line = format!("{proves}: whole, not signed: compare its digest with the log's");
                (line, Some(*proves), None)
            }
            // By itself that proves nothing about what the client asked for.
            Ok((_, Signature::NotLookedAt)) => {
                let why = "what the client signed is sealed, and its signature was NOT looked at; \
                    evidence show --open --json has it opened";
                (format!("digest and end of its keeping are right; {why}"), None, Some(why.to_owned()))
            }
            Err(Flaw(why)) => (format!("NOT whole: {why}"), None, Some(why.clone())),
        };
        is_clean &= result.is_ok();
        is_complete &= proves.is_some();
        text += &format!("{kind}: {line}\n");
        let signature = result.ok().map(|(_, signature)| signature.as_str());
        entries.push(json!({ "kind": kind, "proves": proves, "signature": signature, "why": why }));
    }
    // Nothing is wrong, and not everything was looked at: neither true nor false.
    let verified = (is_complete || !is_clean).then_some(is_clean);
    let json = json!({ "request": request, "verified": verified, "evidence": entries });
    Output { is_clean, ..Output::new(text, json) }
}

/// Which request it is about, what it proves, and who signed it.
fn judged(stored: &StoredEvidence, raw: &Raw) -> Result<(String, &'static str, Signature), Flaw> {
    if stored.kind != REQUEST_EVIDENCE {
        let evidence = verify(&stored.document, &stored.digest, stored.ttl)?;
        let signature = match evidence.proof {
            Proof::Passkey(_) => Signature::OfPasskey,
            Proof::LoginToken { .. } | Proof::Link => Signature::Missing,
        };
        return Ok((evidence.request, evidence.decision.as_str(), signature));
    }
    let evidence = verify_request(&stored.document, &stored.digest, stored.ttl)?;
    let signature = match raw {
        Raw::Sealed => Signature::NotLookedAt,
        Raw::NotOpened(flaw) => return Err(flaw.clone()),
        Raw::Opened(raw) => {
            verify_raw_request(&evidence, raw)?;
            Signature::OfClient
        }
    };
    Ok((evidence.request, "requested", signature))
}
