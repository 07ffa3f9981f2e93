//! Lets the operator's policy refuse a request that is valid by all other rules, before the person hears of it.

use std::time::Duration;

use crate::Invocation;
use crate::asking::Asking;
use crate::call_hook::{CallHook, until};
use ciba_aws::aws::Aws;
use ciba_aws::config::HookSettings;
use ciba_core::domain::details::properties::Properties;
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationError as Error;
use ciba_core::protocol::error::{Common, Refusal};
use ciba_core::protocol::hooks::request_policy::{HOOK, PolicyError, PolicyRequest, RequestPolicyEvent};
use ciba_core::protocol::hooks::{Answered, CallingClient};

/// The most time for a call.
const BUDGET: Duration = Duration::from_secs(2);
/// The description of every refusal by the policy.
const REFUSED: &str = "the provider's policy refuses this request";

/// The operator's policy.
pub struct ApplyPolicy(CallHook);

impl ApplyPolicy {
    pub fn connect(aws: &Aws, settings: HookSettings) -> Self {
        Self(CallHook::connect(aws, HOOK, settings, BUDGET))
    }

    /// 1. Describe the request and the person to the policy.
    /// 2. A refusal is one of the endpoint's own errors; the operator's reason goes to the log. A policy that does not
    ///    answer refuses as well, with 503.
    ///
    /// Returns what the policy wants the later hooks to know.
    pub async fn apply(
        &self,
        Asking { client, person, asked, .. }: Asking<'_>,
        invocation: &Invocation,
    ) -> Result<Properties, Refusal<Error>> {
        let id = CallHook::id(invocation);
        let request = PolicyRequest::of(asked);
        let event = RequestPolicyEvent::new(&id, CallingClient::of(client), person.sub.as_str(), request);
        match self.0.call(&event, until(BUDGET, invocation), invocation).await? {
            Answered::Accepted(properties) => Ok(properties),
            Answered::Refused { error, .. } => Err(Refusal::because(refusal(error), "the policy refused")),
        }
    }
}

fn refusal(error: PolicyError) -> Error {
    match error {
        PolicyError::AccessDenied => Error::AccessDenied,
        PolicyError::InvalidRequest => Common::InvalidRequest(REFUSED).into(),
        PolicyError::InvalidScope => Error::InvalidScope(REFUSED),
        PolicyError::InvalidBindingMessage => Error::InvalidBindingMessage(REFUSED),
        PolicyError::InvalidTarget => Error::InvalidTarget(REFUSED),
        PolicyError::InvalidAuthorizationDetails => Error::InvalidAuthorizationDetails(REFUSED),
    }
}
