//! A recorded call, and scripted failures.

use std::time::Duration;

use serde_json::Value;

use super::wire::Refusal;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `SendMessage`, `ChangeMessageVisibility` …
    pub operation: String,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    /// The logical id of the queue, if there is one at the URL.
    pub queue: Option<String>,
    /// The whole input.
    pub input: Value,
}

/// A failure to script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Any error code, with status 400.
    Error { code: String },
    /// 400, which an SDK retries.
    Throttled,
    /// 500, which an SDK retries.
    InternalError,
    /// Responds only after this time.
    Hang(Duration),
}

pub(super) async fn meet(failure: Failure) -> Result<(), Refusal> {
    match failure {
        Failure::Error { code } => Err(Refusal::new(&code, "A scripted failure")),
        Failure::Throttled => Err(Refusal::new("RequestThrottled", "Rate exceeded")),
        Failure::InternalError => Err(Refusal::internal()),
        Failure::Hang(duration) => {
            tokio::time::sleep(duration).await;
            Ok(())
        }
    }
}
