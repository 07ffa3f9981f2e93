//! Evidence (`evidence#<RequestKey>` / `decision`, `report`, `report#<lifted at>`, `request`): only ever put if absent, kept for its own time.

use aws_sdk_dynamodb::types::Put;

use crate::domain::evidence::{RequestEvidence, digest_of};
use crate::domain::request_key::RequestKey;
use crate::store::authentication_request::DecisionWrite;
use crate::store::item::{Item, Reader, key, number, text};
use crate::store::{StoreError, Table};

/// What a request's evidence is kept under.
pub(super) const PREFIX: &str = "evidence#";
const DECISION: &str = "decision";
/// Of a report that came after the decision. One that comes after an operator lifted a block is another: between two
/// liftings the client is blocked by one report, and every other finds it so.
const REPORT: &str = "report";
/// Of a signed request, from the moment that it is asked.
pub const REQUEST_EVIDENCE: &str = "request";

fn pk(request: &RequestKey) -> String {
    format!("{PREFIX}{}", request.encode())
}

/// Evidence as it lies in the table. Whether it is whole is to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvidence {
    /// `decision`, `report` or `request`.
    pub kind: String,
    /// The text of an [`Evidence`](crate::domain::evidence::Evidence), or of a
    /// [`RequestEvidence`](crate::domain::evidence::RequestEvidence).
    pub document: String,
    pub digest: String,
    /// Unit: seconds since the epoch.
    pub ttl: i64,
}

impl Table {
    pub(super) fn put_evidence(&self, decision: &DecisionWrite<'_>) -> Result<Put, StoreError> {
        let sk = match (decision.next, decision.lifted_at) {
            (Some(_), _) => DECISION.to_owned(),
            (None, None) => REPORT.to_owned(),
            (None, Some(at)) => format!("{REPORT}#{}", at.millis()),
        };
        let mut item: Item = key(pk(&decision.request.key), sk);
        item.extend([
            // For the stream's filter: what the document says, too.
            ("decision".to_owned(), text(decision.outcome.as_str())),
            ("digest".to_owned(), text(digest_of(decision.evidence))),
            ("document".to_owned(), text(decision.evidence)),
            ("ttl".to_owned(), number(decision.evidence_kept_until)),
        ]);
        self.put_new(item)
    }

    /// The part of a new request's transaction that keeps what its client signed.
    pub(super) fn put_request_evidence(
        &self,
        request: &RequestKey,
        evidence: &RequestEvidence,
    ) -> Result<Put, StoreError> {
        let document = evidence.encode();
        let mut item: Item = key(pk(request), REQUEST_EVIDENCE);
        item.extend([
            ("digest".to_owned(), text(digest_of(&document))),
            ("document".to_owned(), text(document)),
            ("ttl".to_owned(), number(evidence.kept_until)),
        ]);
        self.put_new(item)
    }

    /// What is kept about a request, whether the request itself is still there or not: the decision first.
    pub async fn find_evidence(&self, request: &RequestKey) -> Result<Vec<StoredEvidence>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk(request)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query evidence", &error))?;
        let decode = |item: &Item| {
            let reader = Reader(item);
            Ok(StoredEvidence {
                kind: reader.text("sk")?.to_owned(),
                document: reader.text("document")?.to_owned(),
                digest: reader.text("digest")?.to_owned(),
                ttl: reader.number("ttl")?,
            })
        };
        answer.items().iter().map(decode).collect()
    }
}
