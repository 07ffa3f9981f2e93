//! Failures of SNS on demand.

use std::time::Duration;

use super::{Outcome, wire::Refusal};

/// A failure to script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Any error code with any status.
    Error { code: String, status: u16 },
    /// The number's owner has opted out of messages. SNS may also accept such a message and drop it.
    OptedOut,
    /// The push endpoint is disabled: the push service no longer recognised its token.
    EndpointDisabled,
    /// There is no such topic or endpoint.
    NotFound,
    /// The endpoint no longer exists, with the message that callers of `Publish` report.
    EndpointDeleted,
    /// Too many calls a second, which an SDK retries. The API model of `Publish` has no code for it; this is the
    /// one that callers see.
    Throttled,
    /// 500, which an SDK retries.
    InternalError,
    /// The message is accepted, but the response is a 500, as if the real one had been lost.
    AnswerLost,
    /// The message is accepted after this time, if the caller is still connected.
    Hang(Duration),
}

/// The result of a `Publish`: what is recorded, and the response to the caller.
pub(super) struct Conclusion {
    pub(super) recorded: Outcome,
    pub(super) answer: Result<(), Refusal>,
}

impl From<Result<(), Refusal>> for Conclusion {
    fn from(answer: Result<(), Refusal>) -> Self {
        let recorded = match &answer {
            Ok(()) => Outcome::Accepted,
            Err(refusal) => Outcome::Refused(refusal.code.clone()),
        };
        Self { recorded, answer }
    }
}

pub(super) async fn meet(failure: Option<Failure>) -> Conclusion {
    let Some(failure) = failure else { return Ok(()).into() };
    match failure {
        Failure::Error { code, status } => Err(Refusal::new(status, &code, "A scripted failure")).into(),
        Failure::OptedOut => invalid("PhoneNumber Reason: Phone number is opted out"),
        Failure::EndpointDisabled => {
            Err(Refusal::new(400, "EndpointDisabled", "Endpoint is disabled")).into()
        }
        Failure::NotFound => Err(Refusal::new(404, "NotFound", "It does not exist")).into(),
        Failure::EndpointDeleted => {
            invalid("TargetArn Reason: No endpoint found for the target arn specified")
        }
        Failure::Throttled => Err(Refusal::new(400, "Throttling", "Rate exceeded")).into(),
        Failure::InternalError => Err(Refusal::internal()).into(),
        Failure::AnswerLost => Conclusion { recorded: Outcome::Accepted, answer: Err(Refusal::internal()) },
        Failure::Hang(duration) => {
            tokio::time::sleep(duration).await;
            Ok(()).into()
        }
    }
}

fn invalid(why: &str) -> Conclusion {
    Err(Refusal::new(400, "InvalidParameter", &format!("Invalid parameter: {why}"))).into()
}
