//! Asks the operator's resolver about a person: whom a hint means when a request is made, and whether the person is
//! still active when tokens are refreshed.

use std::time::Duration;

use tokio::time::Instant;

use crate::Invocation;
use crate::call_hook::{CallHook, until};
use ciba_aws::aws::Aws;
use ciba_aws::config::HookSettings;
use ciba_aws::hooks::HookFailed;
use ciba_core::domain::client::Client;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::resolved::Resolved;
use ciba_core::protocol::hooks::user_resolver::{
    HOOK, ResolvedUser, ResolverError, ResolverHint, ResolverRequest, UserResolverEvent,
};
use ciba_core::protocol::hooks::{Answered, CallingClient};

/// The most time for a call.
const BUDGET: Duration = Duration::from_secs(3);

/// What the resolver is asked.
pub(crate) struct Question<'a> {
    pub client: &'a Client,
    pub hint: ResolverHint<'a>,
    /// Absent at a refresh.
    pub request: Option<ResolverRequest<'a>>,
}

/// The operator's resolver.
pub struct ResolvePerson(CallHook);

impl ResolvePerson {
    pub fn connect(aws: &Aws, settings: HookSettings) -> Self {
        Self(CallHook::connect(aws, HOOK, settings, BUDGET))
    }

    /// The error if an answer contradicts what is known.
    pub(crate) fn contradicts(&self, why: &'static str, invocation: &Invocation) -> HookFailed {
        self.0.contradicts(why, invocation)
    }

    /// When the time for the resolver ends, however often it is asked in this invocation.
    pub(crate) fn until(invocation: &Invocation) -> Instant {
        until(BUDGET, invocation)
    }

    pub(crate) async fn resolve(
        &self,
        Question { client, hint, request }: Question<'_>,
        until: Instant,
        invocation: &Invocation,
    ) -> Result<Answered<ResolvedUser, ResolverError>, HookFailed> {
        let id = CallHook::id(invocation);
        let event = UserResolverEvent::new(&id, CallingClient::of(client), hint, request);
        self.0.call(&event, until, invocation).await
    }

    /// Whether the person is still active. About those whom the resolver did not describe, the directory decides.
    pub async fn is_active(
        &self,
        client: &Client,
        person: &Person,
        invocation: &Invocation,
    ) -> Result<bool, HookFailed> {
        let Some(resolved) = &person.resolved else { return Ok(true) };
        let question = Question { client, hint: ResolverHint::again(resolved), request: None };
        match self.resolve(question, Self::until(invocation), invocation).await? {
            Answered::Refused { .. } => Ok(false),
            Answered::Accepted(user) => {
                let Resolved { issuer, subject, .. } = resolved;
                let sub = user.sub.as_ref().unwrap_or(&user.subject);
                if user.issuer == *issuer && user.subject == *subject && sub == person.sub.as_str() {
                    Ok(user.active)
                } else {
                    Err(self.contradicts("the answer is about somebody else", invocation))
                }
            }
        }
    }
}
