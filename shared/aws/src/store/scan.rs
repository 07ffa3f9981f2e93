//! Bounded scans of the table, for operators. Functions have no permission to Scan.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::store::item::Item;
use crate::store::{StoreError, Table};

/// The number of items that DynamoDB evaluates per page.
const PAGE: i32 = 1000;

impl Table {
    /// Passes the results of `scan` to `take`, page by page, until `take` stops it or `evaluate` items were
    /// evaluated. Returns whether the scan reached the end.
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
