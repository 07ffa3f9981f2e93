//! Registers a type of `authorization_details`, for an operator.

use crate::registering::replace_entry::{NotReplaced, replace};
use ciba_aws::store::{Table, WriteId};
use ciba_core::domain::details::authorization_details::DetailType;

/// Writes a new or changed type, if `judge` permits that the current one is replaced.
pub async fn define(
    table: &Table,
    known: &DetailType,
    judge: impl Fn(Option<&DetailType>) -> Result<(), String>,
    write: &WriteId,
) -> Result<(), NotReplaced> {
    let read = async || table.read_detail_type(known.name()).await;
    replace(read, judge, async |old| Ok(table.replace_detail_type(known, old, write).await?.then_some(())))
        .await
}
