//! `evidence show`: evidence in words and as JSON.

use ciba::domain::base::time::Timestamp;
use ciba::domain::details::request_context::RequestContext;
use ciba::domain::details::row::Row;
use ciba::domain::request::evidence::{Evidence, KeptProof, RequestEvidence};
use ciba::domain::request::evidence_document::Document;
use ciba::domain::request::statement::Statement;
use ciba::store::{REQUEST_EVIDENCE, StoredEvidence};
use ciba::verify::evidence_verdict::Opened;
use serde_json::{Value, json};

use super::{Found, Piece};
use crate::Output;
use crate::screen::{fields, utc, visible};

type Line = (&'static str, Vec<String>);

/// `not_opened`: why the sealed parts were not opened, although that was requested.
pub(super) fn shown(found: &Found, not_opened: Option<&str>) -> Output {
    let text = found.pieces.iter().map(|piece| match lines(piece, not_opened) {
        Some(lines) => fields(&lines),
        None => format!("{}: not valid evidence; evidence verify says why\n", visible(&piece.stored.kind)),
    });
    let text = text.collect::<Vec<_>>().join("\n");
    let entries: Vec<Value> = found.pieces.iter().map(|piece| entry(piece, not_opened)).collect();
    let mut json = json!({ "request": found.request, "evidence": entries });
    if !found.enrollments.is_empty() {
        let enrollments = found.enrollments.iter();
        let enrollments = enrollments.map(|it| json!({ "document": it.document, "witness": it.witness }));
        json["enrollments"] = enrollments.collect();
    }
    let does_not_open = found.pieces.iter().any(|piece| matches!(piece.opened, Opened::DoesNotOpen));
    Output { is_clean: not_opened.is_none() && !does_not_open, ..Output::new(text, json) }
}

fn entry(piece: &Piece, not_opened: Option<&str>) -> Value {
    let it = &piece.stored;
    let mut entry =
        json!({ "kind": it.kind, "document": it.document, "digest": it.digest, "kept_until": it.ttl });
    if let Some(witness) = &it.witness {
        entry["witness"] = json!(witness);
    }
    let name = if it.kind == REQUEST_EVIDENCE { "request" } else { "personal" };
    match (&piece.opened, not_opened) {
        (Opened::Text(text), _) => entry["opened"] = json!({ name: text.expose(), "salt": text.salt() }),
        (Opened::DoesNotOpen, _) => {
            (entry["opened"], entry["not_opened"]) = (Value::Null, json!(DOES_NOT_OPEN));
        }
        (Opened::Sealed, Some(why)) if is_sealed(it) => {
            (entry["opened"], entry["not_opened"]) = (Value::Null, json!(why));
        }
        (Opened::Sealed, _) => {}
    }
    entry
}

const DOES_NOT_OPEN: &str =
    "its sealed part cannot be opened: its key was erased, or it was not sealed here for this request";

fn is_sealed(stored: &StoredEvidence) -> bool {
    Document::decode(&stored.document).is_some() || RequestEvidence::decode(&stored.document).is_some()
}

fn lines(piece: &Piece, not_opened: Option<&str>) -> Option<Vec<Line>> {
    let stored = &piece.stored;
    let mut lines = match (Document::decode(&stored.document), stored.kind.as_str()) {
        (Some(document), _) => document_lines(&document, piece, not_opened),
        (None, REQUEST_EVIDENCE) => {
            let it = RequestEvidence::decode(&stored.document)?;
            let mut lines = vec![("signed request", vec![state(&piece.opened, not_opened)])];
            lines.extend(parties(it.at, &it.client_id, &it.person));
            lines.extend(client_key(Some(it.alg.as_str()), Some(&it.key)));
            lines.extend(end(it.kept_until));
            lines
        }
        (None, _) => {
            let evidence = Evidence::decode(&stored.document)?;
            let mut lines = vec![("decision", vec![evidence.decision.as_str().to_owned()])];
            lines.extend(parties(evidence.at, &evidence.client_id, &evidence.person));
            lines.push(("scope", vec![evidence.scope.clone()]));
            lines.extend(personal_lines(&evidence));
            lines.extend(end(evidence.kept_until));
            lines
        }
    };
    lines.push(("digest", vec![stored.digest.clone()]));
    lines.push(("witness", vec![if stored.witness.is_some() { "signed" } else { "none" }.to_owned()]));
    Some(lines)
}

/// What the client signed is never printed as text, opened or not: it names the person and may contain their user
/// code.
fn document_lines(document: &Document, piece: &Piece, not_opened: Option<&str>) -> Vec<Line> {
    let state = state(&piece.opened, not_opened);
    let mut lines = match document.decision {
        Some(outcome) => vec![("decision", vec![outcome.as_str().to_owned()])],
        None => vec![("signed request", vec![state.clone()])],
    };
    lines.extend(parties(document.at, &document.client_id, &document.person));
    lines.push(("number", vec![format!("{} of chain {}", document.sequence, document.chain)]));
    if document.decision.is_none() {
        lines.extend(client_key(document.alg.map(|alg| alg.as_str()), document.key.as_ref()));
        lines.extend(end(document.kept_until));
        return lines;
    }
    lines.push(("scope", document.scope.iter().cloned().collect()));
    lines.push(("key", document.thumbprint.iter().cloned().collect()));
    match piece.decision() {
        Some(evidence) => lines.extend(personal_lines(&evidence)),
        None => lines.push(("the rest", vec![state])),
    }
    lines.extend(end(document.kept_until));
    lines
}

fn state(opened: &Opened, not_opened: Option<&str>) -> String {
    match (opened, not_opened) {
        (Opened::Text(text), _) => format!("{} bytes, opened; printed by --json", text.expose().len()),
        (Opened::DoesNotOpen, _) => format!("sealed, and NOT opened: {DOES_NOT_OPEN}"),
        (Opened::Sealed, Some(why)) => format!("sealed, and NOT opened: {why}"),
        (Opened::Sealed, None) => "sealed; --open opens it".to_owned(),
    }
}

fn parties(at: i64, client: &str, person: &str) -> [Line; 3] {
    [
        ("at", vec![utc(Timestamp::from_millis(at))]),
        ("client", vec![client.to_owned()]),
        ("person", vec![person.to_owned()]),
    ]
}

fn client_key(algorithm: Option<&str>, key: Option<&Value>) -> [Line; 2] {
    let key = key.and_then(|key| key.get("kid")).and_then(Value::as_str);
    [
        ("algorithm", algorithm.map(str::to_owned).into_iter().collect()),
        ("key", key.map(str::to_owned).into_iter().collect()),
    ]
}

fn end(kept_until: i64) -> [Line; 1] {
    [("kept until", vec![utc(Timestamp::from_seconds(kept_until))])]
}

fn personal_lines(evidence: &Evidence) -> Vec<Line> {
    let json = |value: &Value| value.to_string();
    let mut lines = vec![
        ("details", evidence.authorization_details.iter().map(json).collect()),
        ("context", evidence.request_context.iter().map(RequestContext::encode).collect()),
    ];
    match &evidence.proof {
        KeptProof::Link => {
            lines.push(("proof", vec!["the link alone, which is enough to decline".to_owned()]))
        }
        KeptProof::LoginToken { issuer, jti, authentication } => {
            lines.push(("proof", vec!["a login token".to_owned()]));
            lines.push(("issuer", vec![issuer.clone()]));
            lines.push(("jti", jti.iter().cloned().collect()));
            lines.push(("logged in at", vec![utc(authentication.auth_time)]));
        }
        KeptProof::Passkey(signed) => {
            lines.push(("proof", vec![format!("a passkey of {}, at {}", signed.rp_id, signed.origin)]));
            lines.push(("credential", vec![signed.passkey.credential_id.clone()]));
            if let Some(statement) = Statement::decode(&signed.statement) {
                lines.extend(on_the_screen(&statement));
            }
            lines.push(("selected", vec![signed.scope.clone()]));
        }
        KeptProof::Session { issuer, id_token, authentication, statement } => {
            lines.push(("proof", vec!["a login on the page".to_owned()]));
            lines.push(("issuer", vec![issuer.clone()]));
            lines.push(("ID token", vec![format!("SHA-256 {id_token}")]));
            lines.push(("logged in at", vec![utc(authentication.auth_time)]));
            if let Some(statement) = Statement::decode(statement) {
                lines.extend(on_the_screen(&statement));
            }
        }
    }
    lines
}

/// What the person read before they signed.
fn on_the_screen(statement: &Statement) -> Vec<Line> {
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
