//! Bounded scans of the table, for operators. Functions have no permission to Scan.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::store::item::Item;
use crate::store::{StoreError, Table};

/// The number of items that DynamoDB evaluates per page.
const PAGE: i32 = 1000;

/// Where a scan continues.
#[derive(Clone, Debug)]
pub struct Position(Item);

/// One page of a scan.
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// How many items DynamoDB evaluated.
    pub(super) evaluated: i32,
    /// `None` if this was the last one.
    pub(super) next: Option<Position>,
}

impl Table {
    /// The page of `scan` at a position, or its first one, with at most `evaluate` items evaluated.
    pub(super) async fn scan_page(
        &self,
        scan: ScanFluentBuilder,
        operation: &str,
        evaluate: i32,
        from: Option<Position>,
    ) -> Result<Page, StoreError> {
        let page = scan.limit(evaluate.min(PAGE)).set_exclusive_start_key(from.map(|it| it.0));
        let page = page.send().await.map_err(|error| StoreError::unavailable(operation, &error))?;
        Ok(Page {
            evaluated: page.scanned_count,
            next: page.last_evaluated_key.map(Position),
            items: page.items.unwrap_or_default(),
        })
    }

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
            let page = self.scan_page(scan.clone(), operation, left, from).await?;
            let is_enough = take(&page.items)?;
            left -= page.evaluated;
            from = page.next;
            if is_enough || from.is_none() {
                return Ok(from.is_none());
            }
        }
        Ok(false)
    }
}
