//! The order of events across the doubles of this process.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number larger than any returned before.
pub(crate) fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}
