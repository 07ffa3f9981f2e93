//! Reads the output of `evidence show --json`, which has everything from the table that verifying needs.

use std::fs;
use std::path::Path;

use ciba::domain::base::secret::Secret;
use ciba::domain::person::witnessed::Witnessed;
use ciba::domain::request::evidence::SaltedText;
use ciba::store::StoredEvidence;
use ciba::verify::evidence_verdict::Opened;
use serde::Deserialize;

use super::{Found, Piece};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Exported {
    request: String,
    evidence: Vec<ExportedEvidence>,
    #[serde(default)]
    enrollments: Vec<ExportedEnrollment>,
}

#[derive(Deserialize)]
struct ExportedEvidence {
    kind: String,
    document: String,
    digest: String,
    #[serde(default)]
    witness: Option<String>,
    kept_until: i64,
    #[serde(default)]
    opened: Option<ExportedText>,
}

/// The sealed part in plain text, and its salt.
#[derive(Deserialize)]
struct ExportedText {
    #[serde(alias = "request", alias = "personal")]
    text: Secret,
    salt: String,
}

#[derive(Deserialize)]
struct ExportedEnrollment {
    document: String,
    witness: String,
}

pub(super) fn read(file: &Path) -> Result<Found, Failure> {
    let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    let exported: Exported = serde_json::from_str(&text)
        .map_err(|error| cannot(format!("not the output of evidence show --json: {error}")))?;
    if exported.evidence.is_empty() {
        return Err(cannot("it contains no evidence".to_owned()));
    }
    let pieces = exported.evidence.into_iter().map(|it| {
        let opened = match it.opened {
            None => Opened::Sealed,
            Some(it) => SaltedText::from_texts(&it.salt, it.text).map_or(Opened::DoesNotOpen, Opened::Text),
        };
        let stored = StoredEvidence {
            kind: it.kind,
            document: it.document,
            digest: it.digest,
            witness: it.witness,
            ttl: it.kept_until,
        };
        Piece { stored, opened }
    });
    let enrollments = exported.enrollments.into_iter();
    Ok(Found {
        request: exported.request,
        pieces: pieces.collect(),
        enrollments: enrollments.map(|it| Witnessed { document: it.document, witness: it.witness }).collect(),
    })
}
