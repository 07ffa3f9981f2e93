//! Looking through the table, within bounds: an operator's doing. No function may Scan.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::store::item::Item;
use crate::store::{StoreError, Table};

/// Unit: items that DynamoDB looks at for one page.
const PAGE: i32 = 1000;

impl Table {
    /// Hands what `scan` finds to `take`, page by page, until that says it is enough or `evaluate` items were looked
    /// at. Whether it came to the end.
    pub(super) async fn scan(
        &self,
        scan: ScanFluentBuilder,
        operation: &str,
        evaluate: i32,
        mut take: impl FnMut(&[Item]) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut left = evaluate;
        let mut from = None;
        while left > 0 {
            let page = scan.clone().limit(left.min(PAGE)).set_exclusive_start_key(from);
            let page = page.send().await.map_err(|error| StoreError::unavailable(operation, &error))?;
            let is_enough = take(page.items())?;
            left -= page.scanned_count();
            from = page.last_evaluated_key;
            if is_enough || from.is_none() {
                return Ok(from.is_none());
            }
        }
        Ok(false)
    }
}
