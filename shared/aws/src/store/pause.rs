//! Pauses between attempts.

use std::time::Duration;

use tokio::time::sleep;

/// The shortest first pause. Each later one is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(20);

/// Waits before the next attempt: random, so that those who got into each other's way do not do so again.
pub(super) async fn pause(attempt: u32) {
    let shortest = FIRST * 2_u32.pow(attempt.min(4));
    sleep(shortest + shortest.mul_f64(fastrand::f64())).await;
}
