//! Replay guards (`jti#<hash>` / `jti`): written once, before any other write of the call.

use crate::store::attribute::{EXPIRES_AT, PARTITION_KEY, TTL, WRITE_ID};
use crate::store::item::{key, text, time, ttl};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::replay::ReplayGuard;
use ciba_core::domain::base::time::Timestamp;

impl Table {
    /// Records that a token was used. `false` if it was used before; of simultaneous uses, only one succeeds.
    ///
    /// Expiry is checked here, because TTL may delete an expired guard only much later.
    pub async fn insert_replay_guard(
        &self,
        guard: &ReplayGuard,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = key(format!("jti#{}", guard.name()), "jti");
        item.extend([
            (EXPIRES_AT.to_owned(), time(guard.expires_at)),
            (TTL.to_owned(), ttl(guard.expires_at)),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        let put = self
            .client
            .put_item()
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY}) OR {EXPIRES_AT} < :now"))
            .expression_attribute_values(":now", time(now));
        self.put_conditionally(put, item, WRITE_ID, "PutItem jti").await
    }
}
