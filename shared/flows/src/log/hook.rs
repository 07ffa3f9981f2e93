//! The lines about calls of hooks.

use std::time::Duration;

use super::line::{self, Level, Metric};
use ciba_core::domain::base::time::{Timestamp, millis};

pub const HOOK_TIME: &str = "hook_ms";
pub const HOOK_FAILED: &str = "hook_failed";

/// A call of a hook.
pub(crate) struct Hooked<'a> {
    pub hook: &'static str,
    /// The `id` in the event, by which the operator finds the call in the function's own log.
    pub id: &'a str,
    /// `answered`, `refused` or `failed`.
    pub outcome: &'static str,
    /// The operator's reason, or what failed.
    pub detail: Option<&'a str>,
    pub took: Duration,
}

/// One line for a call of a hook, which CloudWatch turns into metrics: how long it took, and whether it failed.
pub(crate) fn called(namespace: &str, Hooked { hook, id, outcome, detail, took }: Hooked<'_>, at: Timestamp) {
    let failed = outcome == "failed";
    let level = if failed { Level::Error } else { Level::Info };
    let fields =
        [("hook", hook.into()), ("id", id.into()), ("outcome", outcome.into()), ("detail", detail.into())];
    let metrics = [
        Metric { name: HOOK_TIME, unit: "Milliseconds", values: vec![millis(took)] },
        Metric { name: HOOK_FAILED, unit: "Count", values: vec![i64::from(failed)] },
    ];
    line::measured(namespace, level, "hook", fields, &metrics, at);
}

/// One line for an answer that was well-formed, and contradicts what is known. It counts as a failure of the call.
pub(crate) fn contradicts(namespace: &str, hook: &'static str, why: &str, at: Timestamp) {
    let fields = [("hook", hook.into()), ("outcome", "contradicts".into()), ("detail", why.into())];
    let metric = Metric { name: HOOK_FAILED, unit: "Count", values: vec![1] };
    line::measured(namespace, Level::Error, "hook", fields, &[metric], at);
}
