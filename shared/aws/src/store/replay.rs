//! Guards against replay (`jti#<hash>` / `jti`): put once, before any other write of the call.

use crate::store::item::{key, text, time, ttl};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::replay::ReplayGuard;
use ciba_core::domain::base::time::Timestamp;

impl Table {
    /// Remembers that a token was used. `false` if it was used before: of any number at once, one is first.
    ///
    /// A guard that is over guards nothing, whether TTL has swept it or not (`ATK-5-03`).
    pub async fn insert_replay_guard(
        &self,
        guard: &ReplayGuard,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = key(format!("jti#{}", guard.name()), "jti");
        item.extend([
            ("expires_at".to_owned(), time(guard.expires_at)),
            ("ttl".to_owned(), ttl(guard.expires_at)),
            ("write_id".to_owned(), text(write.as_str())),
        ]);
        let put = self
            .client
            .put_item()
            .condition_expression("attribute_not_exists(pk) OR expires_at < :now")
            .expression_attribute_values(":now", time(now));
        self.put_conditionally(put, item, "write_id", "PutItem jti").await
    }
}
