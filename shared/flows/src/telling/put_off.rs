//! Leaves deliveries to the queue until they are due.

use std::time::Duration;

use futures_util::future::join_all;

use ciba_aws::notify::{DeliveryQueue, QueueError};
use ciba_core::domain::base::request_key::RequestKey;

/// Sends a message about each request, which is received after its time at the earliest, and returns for each, in order,
/// whether the queue took it. They are sent concurrently, so that many take no more time than one.
pub async fn put_off(
    queue: &DeliveryQueue,
    deliveries: impl IntoIterator<Item = (RequestKey, Duration)>,
) -> Vec<Result<(), QueueError>> {
    let send = async |(request, wait)| queue.send_after(&request, wait).await;
    join_all(deliveries.into_iter().map(send)).await
}
