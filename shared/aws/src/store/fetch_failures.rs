//! Recent failures to fetch documents (`fetch#<SHA-256 of the URL>` / `failures`), shared by all sandboxes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::store::attribute::{ENDED_AT, IN_A_ROW, PARTITION_KEY, TTL, WRITE_ID};
use crate::store::item::{Item, Reader, key, number, text, time, ttl};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::fetch_failures::FetchFailures;

const SK: &str = "failures";

fn key_of(url: &str) -> Item {
    key(format!("fetch#{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, url.as_bytes()))), SK)
}

impl Table {
    /// The recorded failures to fetch this document. `None` if there are none.
    pub async fn find_fetch_failures(&self, url: &str) -> Result<Option<FetchFailures>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_of(url)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem fetch", &error))?;
        let Some(item) = found.item else { return Ok(None) };
        let item = Reader(&item);
        Ok(Some(FetchFailures { in_a_row: item.unsigned(IN_A_ROW)?, ended_at: item.time(ENDED_AT)? }))
    }

    /// Replaces `earlier` with `known`. `false` if the record changed in the meantime: of several sandboxes that
    /// read the same record, only one replaces it.
    pub async fn put_fetch_failures(
        &self,
        url: &str,
        earlier: Option<FetchFailures>,
        known: FetchFailures,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = key_of(url);
        item.extend([
            (IN_A_ROW.to_owned(), number(known.in_a_row)),
            (ENDED_AT.to_owned(), time(known.ended_at)),
            (TTL.to_owned(), ttl(known.forgotten_at())),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        let put = self.client.put_item();
        let put = match earlier {
            None => put.condition_expression(format!("attribute_not_exists({PARTITION_KEY})")),
            Some(earlier) => put
                .condition_expression(format!("{IN_A_ROW} = :in_a_row AND {ENDED_AT} = :ended_at"))
                .expression_attribute_values(":in_a_row", number(earlier.in_a_row))
                .expression_attribute_values(":ended_at", time(earlier.ended_at)),
        };
        self.put_conditionally(put, item, WRITE_ID, "PutItem fetch").await
    }
}
