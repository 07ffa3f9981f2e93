//! Replaces an entry that an operator maintains, on the condition that what is replaced was judged.

use ciba_aws::store::{AsRead, StoreError};

/// How many times an entry is judged that others change at the same time.
const TRIES: usize = 5;

/// Why an entry is not replaced.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotReplaced {
    /// The text is for the operator.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// 1. Read the entry that is to be replaced, if there is one.
/// 2. Let `judge` decide whether it may be replaced.
/// 3. Write the new entry, on the condition that the one that was judged has not changed. If it has, start again: a
///    protection that somebody added in the meantime must not be lost without being judged.
///
/// `write` returns `None` if the entry has changed.
pub(super) async fn replace<T, R>(
    read: impl AsyncFn() -> Result<Option<AsRead<T>>, StoreError>,
    judge: impl Fn(Option<&T>) -> Result<(), String>,
    write: impl AsyncFn(Option<&AsRead<T>>) -> Result<Option<R>, StoreError>,
) -> Result<R, NotReplaced> {
    for _ in 0..TRIES {
        let old = read().await?;
        judge(old.as_ref().map(|old| &old.value)).map_err(NotReplaced::Refused)?;
        if let Some(done) = write(old.as_ref()).await? {
            return Ok(done);
        }
    }
    Err(NotReplaced::Refused("not written: the entry changed during every attempt".to_owned()))
}
