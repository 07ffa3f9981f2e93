//! Hooks: functions of the operator that ours invoke, each within its time budget. They fail closed: whatever goes wrong
//! is a [`HookFailed`], and the caller of the endpoint gets 503.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::aws::{self, Aws};
use crate::config::HookFunction;
use ciba_core::protocol::hooks::MAX_EVENT;

/// A hook did not answer, or its answer is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFailed {
    pub hook: &'static str,
    /// For the log.
    pub why: String,
}

/// The part of an invocation that is reserved for what follows a hook: storing a request and telling the person.
const RESERVED: Duration = Duration::from_secs(8);

/// When the time of a hook ends in an invocation that ends at `deadline`.
pub fn until(budget: Duration, deadline: Instant) -> Instant {
    let now = Instant::now();
    (now + budget).min(deadline.checked_sub(RESERVED).unwrap_or(now))
}

/// One function of the operator.
#[derive(Clone, Debug)]
pub struct Hook {
    client: Client,
    function: String,
}

impl Hook {
    /// `budget` is the most time for a call, including the SDK's attempts. An invocation cannot be cancelled, so the
    /// function may go on after it.
    pub fn connect(aws: &Aws, function: HookFunction, budget: Duration) -> Self {
        let timeouts = aws::timeouts(budget, budget);
        let mut config = aws_sdk_lambda::config::Builder::from(&aws.sdk).timeout_config(timeouts);
        config.set_endpoint_url(function.address.or_else(|| aws.lambda_endpoint.clone()));
        Self { client: Client::from_conf(config.build()), function: function.name }
    }

    /// Invokes the function, and waits for its answer, until `deadline` at most. The error is for the log.
    pub async fn call(&self, event: &impl Serialize, deadline: Instant) -> Result<Vec<u8>, String> {
        let failed = |why: &str| format!("Invoke: {why}");
        let event = serde_json::to_vec(event).map_err(|_| failed("the event is not JSON"))?;
        if event.len() > MAX_EVENT {
            return Err(failed("the event is longer than 32 KiB"));
        }
        // Without time the answer would not be waited for, but the function would perhaps be invoked.
        if deadline <= Instant::now() {
            return Err(failed("no answer within the time budget"));
        }
        let invoke = self.client.invoke().function_name(&self.function).payload(Blob::new(event));
        let answer = match timeout_at(deadline, invoke.send()).await {
            Err(_) => return Err(failed("no answer within the time budget")),
            Ok(Err(error)) => return Err(aws::failure("Invoke", &error)),
            Ok(Ok(answer)) => answer,
        };
        // The function's own error text may be about a person.
        if answer.function_error().is_some() {
            return Err(failed("the function ended with an error"));
        }
        Ok(answer.payload.map(Blob::into_inner).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HOOK-2-01
    #[test]
    fn a_hook_leaves_time_for_what_follows_it() {
        let left = |seconds| {
            let deadline = Instant::now() + Duration::from_secs(seconds);
            until(Duration::from_secs(3), deadline).saturating_duration_since(Instant::now())
        };
        assert!((Duration::from_millis(2_500)..=Duration::from_secs(3)).contains(&left(15)), "its budget");
        assert!((Duration::from_millis(1_500)..=Duration::from_secs(2)).contains(&left(10)), "what is left");
        assert_eq!(left(8), Duration::ZERO);
        assert_eq!(left(0), Duration::ZERO);
    }
}
