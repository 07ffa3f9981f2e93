//! The log: one function per event, one line each, with the time of its invocation. docs/events.md describes them all.

use std::time::Duration;

use ciba_aws::store::EvidenceWrite;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::{Timestamp, millis};
use ciba_core::domain::client::ClientId;
use ciba_core::domain::hint::DirectoryHint;
use ciba_core::domain::person::passkey::PasskeyId;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::event::{EventName, What};
use ciba_core::protocol::error::{ProtocolError, Refusal};
use ciba_core::protocol::event::NotifiedLine;

use self::line::{Level, Metric, line};
use crate::asking::start_authentication::{Started, Unreachable};
use crate::telling::announce::Untold;
use crate::telling::emit::Emitted;

pub(crate) mod hook;
mod line;

pub use hook::{HOOK_FAILED, HOOK_TIME};
pub use line::observe;

/// One line for a refusal. Normal polling and fetching a nonce are not logged.
pub fn refused<E: ProtocolError>(refusal: &Refusal<E>, at: Timestamp) {
    let answer = refusal.error.answer();
    if matches!(answer.code, "authorization_pending" | "slow_down" | "use_dpop_nonce") {
        return;
    }
    let level = if answer.status >= 500 { Level::Error } else { Level::Info };
    line(
        level,
        "refused",
        [
            ("status", answer.status.into()),
            ("error", answer.code.into()),
            ("description", answer.description.into()),
            ("detail", refusal.detail.clone().into()),
            ("client_id", refusal.client.clone().into()),
        ],
        at,
    );
}

/// One line for an event that could not be read as a request.
pub fn unreadable(why: &str, at: Timestamp) {
    line(Level::Info, "unreadable", [("status", 400.into()), ("description", why.into())], at);
}

/// One line for the response of a resource, under the id that the client gave the call.
pub fn answered(interaction: &str, status: u16, at: Timestamp) {
    line(Level::Info, "answered", [("interaction", interaction.into()), ("status", status.into())], at);
}

/// One line for something that no response reveals.
pub fn outcome(event: &str, detail: &str, at: Timestamp) {
    line(Level::Info, event, [("detail", detail.into())], at);
}

/// One line for a step that succeeded, with the hash that correlates the lines of one request.
pub fn step(event: &str, request: &RequestKey, at: Timestamp) {
    line(Level::Info, event, [("request", request.correlation().into())], at);
}

/// The lines for a request that was started: the channels that failed, the one that worked, and the request.
pub fn started(started: &Started, at: Timestamp) {
    for channel in &started.unreachable {
        unreachable(&started.request.key, channel, at);
    }
    if let Some(channel) = &started.channel {
        notified(&started.request, channel, at);
    }
    requested(&started.request.key, started.evidence.as_ref(), at);
}

/// One line for a message that SNS has accepted: the function `events` reads it from this log.
fn notified(request: &AuthenticationRequest, channel: &str, at: Timestamp) {
    line(Level::Info, "notified", NotifiedLine::fields(request, channel, at), at);
}

/// One line for everything that was emitted, which CloudWatch turns into metrics: how many of each event, and how
/// long they took.
pub fn metrics(namespace: &str, emitted: &Emitted, at: Timestamp) {
    let count = |name, count: usize| Metric { name, unit: "Count", values: vec![count as i64] };
    let times = |name, of: fn(&What) -> Option<Duration>| {
        let values = emitted.events.iter().filter_map(|event| of(&event.what)).map(millis).collect();
        Metric { name, unit: "Milliseconds", values }
    };
    let mut metrics: Vec<_> =
        EventName::ALL.map(|name| count(name.as_str(), emitted.count(name))).into_iter().collect();
    metrics.push(count(UNREADABLE, emitted.unreadable.len()));
    metrics.retain(|metric| metric.values != [0]);
    metrics.push(times(DECIDED_AFTER, What::decided_after));
    metrics.push(times(DELIVERED_AFTER, What::delivered_after));
    metrics.retain(|metric| !metric.values.is_empty());
    if !metrics.is_empty() {
        line::metrics(namespace, &metrics, at);
    }
}

/// One line for each record of the stream that could not be read, and one that CloudWatch turns into their number.
pub fn unreadable_records(namespace: &str, why: &[String], at: Timestamp) {
    why.iter().for_each(|why| trouble(why, at));
    let count = Metric { name: UNREADABLE, unit: "Count", values: vec![why.len() as i64] };
    line::metrics(namespace, &[count], at);
}

/// The metrics besides the count of each event.
pub const UNREADABLE: &str = "unreadable";
pub const DECIDED_AFTER: &str = "decided_after_ms";
pub const DELIVERED_AFTER: &str = "delivered_after_ms";

/// One line for a request. If it is signed, with the digest of its evidence.
fn requested(request: &RequestKey, kept: Option<&EvidenceWrite>, at: Timestamp) {
    let digest = kept.map(|kept| kept.digest.as_str());
    let fields = [("request", request.correlation().into()), ("evidence", digest.into())];
    line(Level::Info, "requested", fields, at);
    kept.into_iter().for_each(|kept| evidence(kept, at));
}

/// One line for each evidence document: the new head of its chain. It names no request, client or person, so that
/// it can be kept where nothing is ever deleted.
fn evidence(kept: &EvidenceWrite, at: Timestamp) {
    let fields = [
        ("chain", kept.next.name.as_str().into()),
        ("sequence", kept.next.sequence.into()),
        ("digest", kept.digest.as_str().into()),
        ("kept_until", kept.document.kept_until.into()),
    ];
    line(Level::Info, "evidence", fields, at);
}

/// One line for a decision, with the digest of its evidence: an attacker who changes the table cannot change the
/// log.
pub fn decision(
    event: &str,
    request: &RequestKey,
    client: Option<&ClientId>,
    kept: Option<&EvidenceWrite>,
    at: Timestamp,
) {
    let fields = [
        ("request", request.correlation().into()),
        ("client_id", client.map(ClientId::as_str).into()),
        ("evidence", kept.map(|kept| kept.digest.as_str()).into()),
    ];
    line(Level::Info, event, fields, at);
    kept.into_iter().for_each(|kept| evidence(kept, at));
}

/// One line for the result of notifying a client, at the level of an error if an operator should look at it.
pub fn delivery(event: &str, request: &RequestKey, why: Option<&str>, at: Timestamp) {
    let is_error = matches!(event, "delivery_failed" | "delivery_not_tried" | "delivery_not_queued");
    let level = if is_error { Level::Error } else { Level::Info };
    line(level, event, [("request", request.correlation().into()), ("detail", why.into())], at);
}

/// One line for a passkey that was enrolled, and one for each channel that did not accept the announcement: a
/// person who was not told cannot report an enrollment that they did not make.
pub fn passkey(event: &str, passkey: &PasskeyId, untold: &[Untold], at: Timestamp) {
    line(Level::Info, event, [("passkey", passkey.as_str().into())], at);
    for Untold { channel, why } in untold {
        let fields = [
            ("passkey", passkey.as_str().into()),
            ("channel", channel.as_ref().into()),
            ("detail", why.as_str().into()),
        ];
        line(Level::Error, "untold", fields, at);
    }
}

/// One line for a login on the page.
pub fn logged_in(issuer: &str, at: Timestamp) {
    line(Level::Info, "logged_in", [("issuer", issuer.into())], at);
}

/// One line for a person whom a login registered. Of the person it has the key in the table alone.
pub fn person_introduced(person: &PersonKey, at: Timestamp) {
    line(Level::Info, "person_introduced", [("person_key", person.as_str().into())], at);
}

/// One line for each hint that such a person did not get, because it leads to somebody else. It has the kind alone.
pub fn hints_taken(person: &PersonKey, hints: &[DirectoryHint], at: Timestamp) {
    for hint in hints {
        let fields = [("person_key", person.as_str().into()), ("kind", hint.kind().as_str().into())];
        line(Level::Warn, "hint_taken", fields, at);
    }
}

/// One line for a login on the page that ended without a session.
pub fn login_refused(why: &str, at: Timestamp) {
    line(Level::Info, "login_refused", [("detail", why.into())], at);
}

/// One line for something that failed without a refusal.
pub fn trouble(why: &str, at: Timestamp) {
    line(Level::Error, "trouble", [("detail", why.into())], at);
}

/// One line for a channel that cannot reach its person, so that the fallback to a possibly weaker channel is not
/// silent: an operator has to enroll the person again.
fn unreachable(request: &RequestKey, Unreachable { channel, why }: &Unreachable, at: Timestamp) {
    let fields = [
        ("request", request.correlation().into()),
        ("channel", channel.as_ref().into()),
        ("detail", why.as_str().into()),
    ];
    line(Level::Warn, "unreachable", fields, at);
}
