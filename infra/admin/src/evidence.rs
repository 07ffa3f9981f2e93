//! `evidence …`

use std::fs;
use std::path::Path;

use ciba::config::Environment;
use ciba::domain::evidence::{Evidence, Proof, RequestEvidence};
use ciba::domain::request_key::RequestKey;
use ciba::domain::statement::Statement;
use ciba::domain::time::Timestamp;
use ciba::protocol::evidence::{Flaw, verify, verify_request};
use ciba::protocol::jws::UnverifiedJws;
use ciba::store::{REQUEST_EVIDENCE, StoredEvidence};
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
}

pub(crate) async fn run(command: &EvidenceCommand, environment: &Environment) -> Result<Output, Failure> {
    match command {
        EvidenceCommand::Show { request } => {
            let (key, found) = find(request, environment).await?;
            Ok(shown(&key.encode(), &found))
        }
        EvidenceCommand::Verify { request: Some(request), .. } => {
            let (key, found) = find(request, environment).await?;
            Ok(verified(&key.encode(), &found))
        }
        EvidenceCommand::Verify { request: None, file } => {
            // Nothing but the file: no table, no network, no settings.
            let (request, found) = read(file.as_deref().unwrap_or(Path::new("-")))?;
            Ok(verified(&request, &found))
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

fn read(file: &Path) -> Result<(String, Vec<StoredEvidence>), Failure> {
    let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    let exported: Exported = serde_json::from_str(&text)
        .map_err(|error| cannot(format!("not what evidence show --json prints: {error}")))?;
    if exported.evidence.is_empty() {
        return Err(cannot("there is no evidence in it".to_owned()));
    }
    let stored = exported.evidence.into_iter().map(|it| StoredEvidence {
        kind: it.kind,
        document: it.document,
        digest: it.digest,
        ttl: it.kept_until,
    });
    Ok((exported.request, stored.collect()))
}

fn shown(request: &str, found: &[StoredEvidence]) -> Output {
    let text = found.iter().map(|stored| match lines_of(stored) {
        Some(lines) => fields(&lines),
        None => format!("{}: this is no evidence; evidence verify says why\n", stored.kind),
    });
    let entries: Vec<Value> = found
        .iter()
        .map(|it| json!({ "kind": it.kind, "document": it.document, "digest": it.digest, "kept_until": it.ttl }))
        .collect();
    Output::new(text.collect::<Vec<_>>().join("\n"), json!({ "request": request, "evidence": entries }))
}

fn lines_of(stored: &StoredEvidence) -> Option<Vec<(&'static str, Vec<String>)>> {
    match stored.kind.as_str() {
        REQUEST_EVIDENCE => RequestEvidence::decode(&stored.document).map(|it| request_lines(&it, stored)),
        _ => Evidence::decode(&stored.document).map(|it| lines(&it, stored)),
    }
}

/// What the client signed is in the document and not on the screen: it names the person, and may have their code.
fn request_lines(evidence: &RequestEvidence, stored: &StoredEvidence) -> Vec<(&'static str, Vec<String>)> {
    let jws = UnverifiedJws::parse(&evidence.signed).ok();
    let key = evidence.key.get("kid").and_then(Value::as_str);
    vec![
        ("signed request", vec![format!("of {} bytes", evidence.signed.len())]),
        ("at", vec![utc(Timestamp::from_millis(evidence.at))]),
        ("client", vec![evidence.client_id.clone()]),
        ("person", vec![evidence.person.clone()]),
        ("algorithm", jws.map(|jws| jws.algorithm().as_str().to_owned()).into_iter().collect()),
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
    vec![
        ("asked at", vec![utc(statement.asked_at())]),
        ("shown", vec![format!("in {}, template {}", statement.language, statement.template)]),
        ("  client", vec![statement.client_name.clone()]),
        ("  message", statement.binding_message.iter().cloned().collect()),
        ("  scope", scope.collect()),
        ("  resources", statement.resources.clone()),
    ]
}

fn verified(request: &str, found: &[StoredEvidence]) -> Output {
    let mut text = String::new();
    let mut entries = Vec::new();
    let mut is_clean = true;
    for stored in found {
        let result = judged(stored).and_then(|(about, proves, signed)| match about == request {
            true => Ok((proves, signed)),
            false => Err(Flaw::from("it is about another request")),
        });
        let (proves, why) = match &result {
            Ok((proves, _)) => (Some(*proves), None),
            Err(Flaw(why)) => (None, Some(why.clone())),
        };
        is_clean &= result.is_ok();
        text += &match &result {
            Ok((proves, signed)) => format!("{}: {proves}: whole{signed}\n", stored.kind),
            Err(Flaw(why)) => format!("{}: NOT whole: {why}\n", stored.kind),
        };
        entries.push(json!({ "kind": stored.kind, "proves": proves, "why": why }));
    }
    let json = json!({ "request": request, "verified": is_clean, "evidence": entries });
    Output { is_clean, ..Output::new(text, json) }
}

/// Which request it is about, what it proves, and who signed it.
fn judged(stored: &StoredEvidence) -> Result<(String, &'static str, &'static str), Flaw> {
    match stored.kind.as_str() {
        REQUEST_EVIDENCE => verify_request(&stored.document, &stored.digest, stored.ttl)
            .map(|it| (it.request, "requested", ", and signed by the client's key in it")),
        _ => verify(&stored.document, &stored.digest, stored.ttl).map(|it| {
            let signed = signed(&it);
            (it.request, it.decision.as_str(), signed)
        }),
    }
}

fn signed(evidence: &Evidence) -> &'static str {
    match evidence.proof {
        Proof::Passkey(_) => ", and signed by the passkey in it",
        Proof::LoginToken { .. } | Proof::Link => ", not signed: compare its digest with the log's",
    }
}
