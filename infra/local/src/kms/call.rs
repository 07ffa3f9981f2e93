//! A recorded call, and scripted failures.

use std::{collections::BTreeMap, time::Duration};

use super::wire::Refusal;
use crate::patience::Patience;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GenerateDataKey`, `Decrypt` …
    pub operation: String,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    /// The key as the caller named it.
    pub key_id: Option<String>,
    /// The encryption context.
    pub context: BTreeMap<String, String>,
    /// The tags of the key to be created.
    pub tags: BTreeMap<String, String>,
}

/// A failure to script.
#[derive(Debug, Clone)]
pub enum Failure {
    /// Any error code, with status 400.
    Error { code: String },
    /// 400, which an SDK retries.
    Throttled,
    /// 500, which an SDK retries.
    InternalError,
    /// The key is disabled.
    Disabled,
    /// Responds only after this time.
    Hang(Duration),
    /// Never responds to a caller with these time-outs.
    Silence(Patience),
}

pub(super) async fn meet(failure: Failure) -> Result<(), Refusal> {
    match failure {
        Failure::Error { code } => Err(Refusal::new(&code, "A scripted failure")),
        Failure::Throttled => Err(Refusal::new("ThrottlingException", "Rate exceeded")),
        Failure::InternalError => Err(Refusal::internal()),
        Failure::Disabled => Err(Refusal::new("DisabledException", "The key is disabled.")),
        Failure::Hang(duration) => {
            tokio::time::sleep(duration).await;
            Ok(())
        }
        Failure::Silence(patience) => match patience.silence().await {},
    }
}
