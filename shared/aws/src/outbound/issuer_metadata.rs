//! The metadata of login issuers (OIDC Discovery §4), cached.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::outbound::document::{Document, Documents};
use crate::outbound::{FetchError, Fetcher};
use crate::store::{Table, WriteId};
use ciba_core::domain::base::fetch_failures::FetchFailures;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::issuer::login_attempt::IssuerMetadata;

/// The largest document that is accepted. Unit: bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The age at which a document is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long a document remains in use if it cannot be fetched again.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// The metadata that a warm function has fetched, by issuer.
pub struct IssuerMetadataCache {
    documents: Documents,
    /// Whether endpoints on `localhost` are accepted.
    local: bool,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Default)]
struct Known {
    metadata: Option<(IssuerMetadata, Timestamp)>,
    /// The recent failures that this sandbox knows of.
    failures: Option<FetchFailures>,
}

impl IssuerMetadataCache {
    pub fn new(fetcher: Fetcher, table: Table, local: bool) -> Self {
        Self { documents: Documents::new(fetcher, table), local, known: Mutex::default() }
    }

    /// The metadata of `issuer`, at most an hour old if they can be fetched.
    pub async fn of(
        &self,
        issuer: &str,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<IssuerMetadata, FetchError> {
        let mut known = self.known.lock().await;
        let known = known.entry(issuer.to_owned()).or_default();
        if let Some(metadata) = known.younger_than(FRESH, now) {
            return Ok(metadata);
        }
        let uri = IssuerMetadata::url(issuer);
        let parse = |body: &[u8]| IssuerMetadata::parse(body, issuer, self.local);
        let document = Document { uri: &uri, cap: MAX_BYTES, parse };
        match self.documents.fetch(&document, &mut known.failures, now, write).await {
            Ok(metadata) => {
                known.metadata = Some((metadata.clone(), now));
                Ok(metadata)
            }
            Err(error) => known.younger_than(STALE, now).ok_or(error),
        }
    }
}

impl Known {
    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<IssuerMetadata> {
        let (metadata, at) = self.metadata.as_ref()?;
        (now.since(*at) < age).then(|| metadata.clone())
    }
}
