//! Evidence (`evidence#<RequestKey>` / `decision`, `report`, `report#<lifted at>`, `request`): never overwritten,
//! with its own retention period.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use crate::store::attribute::{
    CLIENT_ID, DAY, DECISION, DIGEST, DOCUMENT, PARTITION_KEY, PERSON, SORT_KEY, TTL, WITNESS,
};
use crate::store::item::{Item, Reader, key, number, text};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::request::evidence_document::{Chain, Document, Kind};

/// The prefix of the partition key of a request's evidence.
pub(super) const PREFIX: &str = "evidence#";
/// The evidence of a signed request, stored when the request is made.
pub const REQUEST_EVIDENCE: &str = Kind::Request.as_str();

fn pk(request: &RequestKey) -> String {
    format!("{PREFIX}{}", request.encode())
}

/// A document to be stored, and the changes that go with it.
#[derive(Clone, Debug)]
pub struct EvidenceWrite {
    pub document: Document,
    /// The document's text, byte for byte.
    pub text: String,
    pub digest: String,
    /// The signature of the witness key, if there is one.
    pub witness: Option<String>,
    /// The chain as it was read. `None` if there is none yet.
    pub seen: Option<Chain>,
    pub next: Chain,
    /// The person's wrapped key, if it is new.
    pub new_key: Option<Vec<u8>>,
}

/// Evidence as stored. The caller has to verify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvidence {
    /// The sort key: `decision`, `report`, `report#<lifted at>` or `request`.
    pub kind: String,
    /// The text of a [`Document`], or of a version 1 document.
    pub document: String,
    pub digest: String,
    pub witness: Option<String>,
    /// Unit: seconds since the epoch.
    pub ttl: i64,
}

impl Table {
    /// The parts of a transaction that store evidence: the document, and the chain that it extends.
    pub(super) fn put_evidence(
        &self,
        request: &RequestKey,
        person: &PersonKey,
        evidence: &EvidenceWrite,
        write: &WriteId,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let put = TransactWriteItem::builder().put(self.put_document(request, evidence)?).build();
        let new_key = evidence.new_key.as_deref();
        let chain = self.move_chain(person, evidence.seen.as_ref(), &evidence.next, new_key, write)?;
        Ok([put].into_iter().chain(chain).collect())
    }

    fn put_document(&self, request: &RequestKey, evidence: &EvidenceWrite) -> Result<Put, StoreError> {
        let document = &evidence.document;
        let mut item: Item = key(pk(request), document.filed_as());
        // Copied from the document for searches and, for a decision, for the stream's filter.
        item.extend([
            (PERSON.to_owned(), text(&document.person)),
            (CLIENT_ID.to_owned(), text(&document.client_id)),
            (DAY.to_owned(), text(document.day())),
            (DIGEST.to_owned(), text(&evidence.digest)),
            (DOCUMENT.to_owned(), text(&evidence.text)),
            (TTL.to_owned(), number(document.kept_until)),
        ]);
        item.extend(document.decision.map(|outcome| (DECISION.to_owned(), text(outcome.as_str()))));
        item.extend(evidence.witness.as_ref().map(|witness| (WITNESS.to_owned(), text(witness))));
        self.put_new(item)
    }

    /// The evidence of a request, whether or not the request itself still exists. The decision comes first.
    pub async fn find_evidence(&self, request: &RequestKey) -> Result<Vec<StoredEvidence>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(format!("{PARTITION_KEY} = :pk"))
            .expression_attribute_values(":pk", text(pk(request)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query evidence", &error))?;
        answer.items().iter().map(decode).collect()
    }

    /// Passes all evidence among at most `evaluate` items of the table to `take`, with the key of the request
    /// under which it is filed. Returns whether that was the whole table.
    pub async fn scan_evidence(
        &self,
        evaluate: i32,
        mut take: impl FnMut(&str, StoredEvidence),
    ) -> Result<bool, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression(format!("begins_with({PARTITION_KEY}, :prefix)"))
            .expression_attribute_values(":prefix", text(PREFIX));
        self.scan(scan, "Scan evidence", evaluate, |items| {
            for item in items {
                let pk = Reader(item).text(PARTITION_KEY)?;
                take(pk.strip_prefix(PREFIX).unwrap_or(pk), decode(item)?);
            }
            Ok(false)
        })
        .await
    }
}

fn decode(item: &Item) -> Result<StoredEvidence, StoreError> {
    let reader = Reader(item);
    Ok(StoredEvidence {
        kind: reader.text(SORT_KEY)?.to_owned(),
        document: reader.text(DOCUMENT)?.to_owned(),
        digest: reader.text(DIGEST)?.to_owned(),
        witness: reader.optional_text(WITNESS).map(str::to_owned),
        ttl: reader.number(TTL)?,
    })
}
