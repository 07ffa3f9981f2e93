//! Asks the operator's resolver about a person: whom a hint means when a request is made, and whether the person is
//! still active when tokens are refreshed.

use std::time::Duration;

use crate::Invocation;
use crate::call_hook::{CallHook, HookFailed};
use ciba_aws::aws::Aws;
use ciba_aws::config::HookSettings;
use ciba_core::domain::client::Client;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::resolved::Resolved;
use ciba_core::protocol::hooks::CallingClient;
use ciba_core::protocol::hooks::user_resolver::{
    HOOK, ResolverHint, ResolverRequest, UserResolverAnswered, UserResolverEvent,
};

/// The most time for a call.
const BUDGET: Duration = Duration::from_secs(3);

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

    pub(crate) async fn resolve(
        &self,
        client: &Client,
        hint: ResolverHint<'_>,
        request: Option<ResolverRequest<'_>>,
        invocation: &Invocation,
    ) -> Result<UserResolverAnswered, HookFailed> {
        let id = CallHook::id(invocation);
        let event = UserResolverEvent::new(&id, CallingClient::of(client), hint, request);
        self.0.call(&event, invocation).await
    }

    /// Whether the person whom the resolver described is still active, asked again if what it said is outdated.
    ///
    /// `Ok(true)` for everybody else: about them the directory decides.
    pub async fn is_active(
        &self,
        client: &Client,
        person: &Person,
        invocation: &Invocation,
    ) -> Result<bool, HookFailed> {
        let Some(resolved) = person.resolved.as_ref().filter(|it| it.is_outdated(invocation.now)) else {
            return Ok(true);
        };
        match self.resolve(client, ResolverHint::again(resolved), None, invocation).await? {
            UserResolverAnswered::Refused { .. } => Ok(false),
            UserResolverAnswered::User(user) => {
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
