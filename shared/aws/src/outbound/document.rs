//! Documents that other parties publish, fetched so that no server can hold this provider up.
//!
//! Each fetch from a server that does not answer costs a timeout. Failures are therefore recorded in the table,
//! and after a failure no sandbox fetches that document for a while. Then one sandbox retries, while the others
//! still treat the document as unavailable.

use tokio::time::Instant;

use crate::outbound::{FetchError, Fetcher};
use crate::store::{Table, WriteId};
use ciba_core::domain::base::fetch_failures::FetchFailures;
use ciba_core::domain::base::time::Timestamp;

/// One document: where it is, how large it may be, and how it is read.
pub(super) struct Document<'a, P> {
    pub(super) uri: &'a str,
    /// Unit: bytes.
    pub(super) cap: usize,
    /// Fails with the reason, for the log.
    pub(super) parse: P,
}

/// Fetches documents, and remembers which ones failed.
pub(super) struct Documents {
    fetcher: Fetcher,
    table: Table,
}

impl Documents {
    pub(super) fn new(fetcher: Fetcher, table: Table) -> Self {
        Self { fetcher, table }
    }

    /// 1. Skip the fetch if this sandbox knows of a recent failure.
    /// 2. Skip it if another sandbox recorded a recent failure.
    /// 3. After an earlier failure, claim the next attempt. Only one sandbox succeeds.
    /// 4. Fetch and read the document.
    /// 5. Record the outcome. A pause starts at the end of the fetch.
    ///
    /// `failures` are those that this sandbox knows of.
    pub(super) async fn fetch<T>(
        &self,
        document: &Document<'_, impl Fn(&[u8]) -> Result<T, &'static str>>,
        failures: &mut Option<FetchFailures>,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<T, FetchError> {
        let uri = document.uri;
        let left_alone = || FetchError(format!("{uri}: not fetched again because it failed recently"));
        let bars = |known: &Option<FetchFailures>| known.is_some_and(|known| known.bars(now));
        if bars(failures) {
            return Err(left_alone());
        }
        let found = self.table.find_fetch_failures(uri).await;
        let earlier = found.map_err(|error| FetchError(error.detail()))?;
        *failures = earlier;
        if bars(&earlier) {
            return Err(left_alone());
        }
        // The claim is recorded as a failure at the latest time at which the fetch can end. Other sandboxes wait
        // in the meantime, and nothing has to be cleaned up if this sandbox ends before the fetch does.
        let claimed = earlier
            .filter(|known| known.is_known(now))
            .map(|known| FetchFailures::after(Some(known), now.plus(self.fetcher.total())));
        if let Some(claimed) = claimed {
            *failures = Some(claimed);
            let put = self.table.put_fetch_failures(uri, earlier, claimed, write).await;
            if !put.map_err(|error| FetchError(error.detail()))? {
                return Err(left_alone());
            }
        }
        let begun = Instant::now();
        let body = self.fetcher.json(uri, document.cap).await;
        let read = |body: Vec<u8>| (document.parse)(&body).map_err(|why| FetchError(format!("{uri}: {why}")));
        let fetched = body.and_then(read);
        let ended_at = now.plus(begun.elapsed());
        // If the outcome cannot be recorded, at least this sandbox knows it.
        match (fetched, claimed) {
            (Ok(read), claimed) => {
                *failures = None;
                if claimed.is_some() {
                    let good = FetchFailures::none(ended_at);
                    let _ = self.table.put_fetch_failures(uri, claimed, good, write).await;
                }
                Ok(read)
            }
            (Err(error), Some(_)) => Err(error),
            (Err(error), None) => {
                let failed = FetchFailures::after(earlier, ended_at);
                *failures = Some(failed);
                let _ = self.table.put_fetch_failures(uri, earlier, failed, write).await;
                Err(error)
            }
        }
    }
}
