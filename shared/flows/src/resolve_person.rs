//! Asks the operator's resolver about a person: whom a hint means when a request is made, and whether the person is
//! still active when tokens are refreshed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;
use tokio::time::Instant;

use crate::{Invocation, log};
use ciba_aws::aws::Aws;
use ciba_aws::config::UserResolverSettings;
use ciba_aws::hooks::Hook;
use ciba_core::domain::client::Client;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::resolved::Resolved;
use ciba_core::protocol::error::{ProtocolError, Refusal};
use ciba_core::protocol::hooks::CallingClient;
use ciba_core::protocol::hooks::user_resolver::{
    HOOK, ResolverHint, ResolverRequest, UserResolverAnswer, UserResolverAnswered, UserResolverEvent,
};

/// The most time for a call.
const BUDGET: Duration = Duration::from_secs(3);

/// The resolver did not answer, or its answer is wrong. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverFailed(pub String);

/// It fails closed: nobody is asked, and no token is issued.
impl<E: ProtocolError> From<ResolverFailed> for Refusal<E> {
    fn from(error: ResolverFailed) -> Self {
        Self::unavailable(format!("user_resolver: {}", error.0))
    }
}

/// The operator's resolver.
pub struct ResolvePerson {
    hook: Hook,
    namespace: String,
}

impl ResolvePerson {
    pub fn connect(aws: &Aws, settings: UserResolverSettings) -> Self {
        Self { hook: Hook::connect(aws, settings.function, BUDGET), namespace: settings.namespace }
    }

    /// The answer, and one line in the log about the call.
    pub async fn resolve(
        &self,
        client: &Client,
        hint: ResolverHint<'_>,
        request: Option<ResolverRequest<'_>>,
        invocation: &Invocation,
    ) -> Result<UserResolverAnswered, ResolverFailed> {
        let id = URL_SAFE_NO_PAD.encode(invocation.random::<16>());
        let event = UserResolverEvent::new(&id, CallingClient::of(client), hint, request);
        let start = Instant::now();
        let answer = self.hook.call(&event, invocation.deadline).await.map_err(|failed| failed.0);
        let took = start.elapsed();
        let answer = answer.and_then(|answer| {
            UserResolverAnswer::read(&answer).map_err(|not_an_answer| not_an_answer.0.to_owned())
        });
        let (outcome, detail) = match &answer {
            Ok(UserResolverAnswered::User(_)) => ("answered", None),
            Ok(UserResolverAnswered::Refused { reason, .. }) => ("refused", reason.as_deref()),
            Err(why) => ("failed", Some(why.as_str())),
        };
        log::hook(&self.namespace, log::Hooked { hook: HOOK, outcome, detail, took }, invocation.now);
        answer.map_err(ResolverFailed)
    }

    /// Whether the person whom the resolver described is still active, asked again if what it said is outdated.
    ///
    /// `Ok(true)` for everybody else: about them the directory decides.
    pub async fn is_active(
        &self,
        client: &Client,
        person: &Person,
        invocation: &Invocation,
    ) -> Result<bool, ResolverFailed> {
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
                    Err(ResolverFailed("the answer is about somebody else".to_owned()))
                }
            }
        }
    }
}
