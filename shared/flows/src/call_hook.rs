//! Calls a hook, and writes one line in the log about the call.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;
use tokio::time::Instant;

use crate::Invocation;
use crate::log::hook;
use ciba_aws::aws::Aws;
use ciba_aws::config::HookSettings;
use ciba_aws::hooks::{self, Hook, HookFailed};
use ciba_core::protocol::hooks::{Answered, HookEvent};

/// When the time ends that the hooks of one kind have together in an invocation.
pub(crate) fn until(budget: Duration, invocation: &Invocation) -> Instant {
    hooks::until(budget, invocation.deadline)
}

/// One of the operator's functions.
pub(crate) struct CallHook {
    hook: Hook,
    name: &'static str,
    /// The namespace of the metrics. `None`: calls are not logged.
    namespace: Option<String>,
}

impl CallHook {
    pub(crate) fn connect(aws: &Aws, name: &'static str, settings: HookSettings, budget: Duration) -> Self {
        let namespace = Some(settings.namespace);
        Self { hook: Hook::connect(aws, settings.function, budget), name, namespace }
    }

    /// The same for a program whose output is no log.
    pub(crate) fn without_log(self) -> Self {
        Self { namespace: None, ..self }
    }

    /// The id of a call, which is the same for all of the SDK's attempts.
    pub(crate) fn id(invocation: &Invocation) -> String {
        URL_SAFE_NO_PAD.encode(invocation.random::<16>())
    }

    /// The error for an answer that contradicts what is known, and a line in the log.
    pub(crate) fn contradicts(&self, why: &'static str, invocation: &Invocation) -> HookFailed {
        if let Some(namespace) = &self.namespace {
            hook::contradicts(namespace, self.name, why, invocation.now);
        }
        HookFailed { hook: self.name, why: why.to_owned() }
    }

    /// `until` is when the caller's time for hooks ends.
    pub(crate) async fn call<E: HookEvent>(
        &self,
        event: &E,
        until: Instant,
        invocation: &Invocation,
    ) -> Result<Answered<E::Accepted, E::Error>, HookFailed> {
        let start = Instant::now();
        let answer = self.hook.call(event, until).await;
        let took = start.elapsed();
        let answer = answer.and_then(|answer| E::read(&answer).map_err(|none| none.0.to_owned()));
        let (outcome, detail) = match &answer {
            Ok(Answered::Accepted(_)) => ("answered", None),
            Ok(Answered::Refused { error, reason }) if E::is_fault(error) => ("failed", reason.as_deref()),
            Ok(Answered::Refused { reason, .. }) => ("refused", reason.as_deref()),
            Err(why) => ("failed", Some(why.as_str())),
        };
        if let Some(namespace) = &self.namespace {
            let call = hook::Hooked { hook: self.name, id: event.id(), outcome, detail, took };
            hook::called(namespace, call, invocation.now);
        }
        answer.map_err(|why| HookFailed { hook: self.name, why })
    }
}
