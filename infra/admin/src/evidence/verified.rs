//! `evidence verify`: what evidence proves, and what cannot be proven with the given inputs.

use ciba::domain::base::time::Timestamp;
use ciba::domain::request::evidence_document::Document;
use ciba::verify::evidence::Flaw;
use ciba::verify::evidence_heads::irregularities;
use ciba::verify::evidence_verdict::{Known, Signature, Verdict, judge};
use serde_json::{Value, json};

use super::{Beside, Found, Piece};
use crate::Output;
use crate::screen::visible;

impl Beside {
    fn known<'a>(&'a self, found: Option<&'a Found>) -> Known<'a> {
        Known {
            evidence_key: self.evidence_key.as_ref(),
            enrollment_key: self.enrollment_key.as_ref(),
            rp_id: self.rp_id.as_deref(),
            origins: self.origins.as_deref(),
            enrollments: found.map(|found| found.enrollments.as_slice()).unwrap_or_default(),
            heads: self.heads.as_ref(),
        }
    }
}

pub(super) fn verified(found: &Found, beside: &Beside) -> Output {
    let mut text = String::new();
    let mut entries = Vec::new();
    let (mut is_clean, mut is_verified) = (true, true);
    for piece in &found.pieces {
        let verdict = judged(&found.request, piece, beside.known(Some(found)));
        is_clean &= verdict.is_ok();
        is_verified &= verdict.as_ref().is_ok_and(Verdict::is_verified);
        text += &lines(&piece.stored.kind, &verdict);
        entries.push(entry(&piece.stored.kind, &verdict));
    }
    // Nothing is wrong, but not everything is proven: neither true nor false.
    let verified = (is_verified || !is_clean).then_some(is_clean);
    let json = json!({ "request": found.request, "verified": verified, "evidence": entries });
    Output { is_clean, ..Output::new(text, json) }
}

fn judged(request: &str, piece: &Piece, known: Known<'_>) -> Result<Verdict, Flaw> {
    let verdict = judge(piece.stored(), &piece.opened, known)?;
    if verdict.request == request { Ok(verdict) } else { Err(Flaw::from("it is about another request")) }
}

fn lines(kind: &str, verdict: &Result<Verdict, Flaw>) -> String {
    // The kind comes from the table, and a flaw may repeat it.
    let kind = visible(kind);
    let verdict = match verdict {
        Err(Flaw(why)) => return format!("{kind}: NOT intact: {}\n", visible(why)),
        Ok(verdict) => verdict,
    };
    let word = if verdict.is_verified() { "verified" } else { "consistent" };
    let signed = match verdict.signature {
        Signature::OfPasskey => ", signed by the passkey in it",
        Signature::OfClient => ", signed by the client's key in it",
        Signature::Missing => ", not signed by the person",
        Signature::NotLookedAt | Signature::Erased => "",
    };
    let mut text = format!("{kind}: {}: {word}{signed}\n", verdict.says);
    for why in &verdict.not_proven {
        text += &format!("  not proven: {}\n", visible(why));
    }
    text
}

fn entry(kind: &str, verdict: &Result<Verdict, Flaw>) -> Value {
    match verdict {
        Err(Flaw(why)) => json!({
            "kind": kind, "verdict": "flawed", "says": null, "proves": null, "signature": null, "not_proven": [], "why": why,
        }),
        Ok(verdict) => json!({
            "kind": kind,
            "verdict": if verdict.is_verified() { "verified" } else { "consistent" },
            "says": verdict.says,
            "proves": verdict.is_verified().then_some(verdict.says),
            "signature": verdict.signature.as_str(),
            "not_proven": verdict.not_proven,
            "why": (!verdict.is_verified()).then(|| verdict.not_proven.join("; ")),
        }),
    }
}

/// Verifies all evidence in the table, unopened: only whether each document is signed by the witness and in its
/// place. Flawed documents are named, the others are counted.
pub(super) fn all(found: &[(String, Piece)], is_complete: bool, beside: &Beside, now: Timestamp) -> Output {
    let mut text = String::new();
    let (mut flawed, mut unwitnessed, mut without_head) = (Vec::new(), 0, 0);
    let mut documents = Vec::new();
    for (request, piece) in found {
        if let Some(document) = Document::decode(&piece.stored.document) {
            documents.push((document, piece.stored.digest.clone()));
        }
        match judged(request, piece, beside.known(None)) {
            Err(Flaw(why)) => {
                let (request, kind) = (visible(request), visible(&piece.stored.kind));
                text += &format!("request {request}, {kind}: NOT intact: {}\n", visible(&why));
                flawed.push(json!({ "request": request, "kind": piece.stored.kind, "why": why }));
            }
            Ok(verdict) => {
                unwitnessed += usize::from(verdict.lacks_a_witness());
                without_head += usize::from(verdict.lacks_a_head());
            }
        }
    }
    let irregular = irregularities(&documents, beside.heads.as_ref(), now);
    irregular.iter().for_each(|line| text += &format!("{}\n", visible(line)));
    text += &format!("{} documents, {} of them without a verified witness.\n", found.len(), unwitnessed);
    text += &match &beside.heads {
        None => "Chains were checked for gaps, but the table was not compared with heads outside it, which would show \
                 whether their ends were removed.\n"
            .to_owned(),
        Some(_) => format!("{without_head} of them have no head outside the table.\n"),
    };
    if !is_complete {
        text += "The table was not searched to its end.\n";
    }
    let is_clean = flawed.is_empty() && irregular.is_empty() && is_complete;
    let json = json!({
        "complete": is_complete,
        "documents": found.len(),
        "unwitnessed": unwitnessed,
        "without_head": beside.heads.as_ref().map(|_| without_head),
        "flawed": flawed,
        "irregular": irregular,
    });
    Output { is_clean, ..Output::new(text, json) }
}

#[cfg(test)]
mod tests {
    use ciba::store::StoredEvidence;
    use ciba::verify::evidence_verdict::Opened;

    use super::super::shown::shown;
    use super::*;

    /// HYG-5-04: else a forged item says of itself, in a line of its own, that it is verified.
    #[test]
    fn a_forged_kind_of_evidence_begins_no_line() {
        let piece = || Piece {
            stored: StoredEvidence {
                kind: "decision\ndecision: approved: verified\u{1b}[1A".to_owned(),
                document: "{}".to_owned(),
                digest: "x".to_owned(),
                witness: None,
                ttl: 1,
            },
            opened: Opened::Sealed,
        };
        let beside =
            Beside { evidence_key: None, enrollment_key: None, rp_id: None, origins: None, heads: None };
        let at = Timestamp::from_seconds(0);
        let listed = all(&[("one\ntwo".to_owned(), piece())], true, &beside, at);
        let found = Found { request: "one".to_owned(), pieces: vec![piece()], enrollments: Vec::new() };
        for text in [verified(&found, &beside).text, shown(&found, None).text, listed.text] {
            assert!(
                !text.lines().any(|line| line.starts_with("decision: approved") || line.starts_with("two"))
            );
            assert!(text.contains("\\u{a}"), "{text}");
        }
    }
}
