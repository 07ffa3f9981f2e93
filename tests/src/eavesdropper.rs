//! Who reads along: all that a provider logs and emits, and all that must be in none of it.
//!
//! Every test has one, because every provider has. What a test sends and is answered is known to it, so when the provider
//! goes, each line is searched for each secret (`HYG-5-01`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciba::flows::log;
use ciba::http::{Body, Request};
use ciba::protocol::hooks::user_notifier;
use ciba_local::eventbridge::EventBridge;
use ciba_local::lambda::CallRecord;
use ciba_local::sns::{Inbox, Target};
use ciba_local::sqs::Sqs;
use lambda_http::RequestExt;
use serde_json::Value;
use url::form_urlencoded;

use crate::Answer;

tokio::task_local! {
    /// The one whose provider runs the code that logs, on whatever thread it does.
    static LISTENING: Eavesdropper;
}

/// Parameters of forms that nobody else is to know.
const PARAMETERS: [&str; 14] = [
    "client_secret",
    "client_assertion",
    "client_notification_token",
    "login_hint",
    "id_token_hint",
    "login_hint_token",
    "binding_message",
    "user_code",
    "request",
    "auth_req_id",
    "refresh_token",
    "token",
    "form_token",
    "session_token",
];
/// Members of JSON that everybody may know, among those of a body that a person's page or app sends.
const PUBLIC: [&str; 6] = ["client_id", "scope", "decision", "language", "type", "authenticatorAttachment"];
/// Members of answers that nobody else is to know.
const ANSWERED: [&str; 6] =
    ["auth_req_id", "access_token", "id_token", "refresh_token", "request", "binding_message"];
/// The kind of secret that a link ends in.
const LINK: &str = "what a link has";
/// Where what the queues were sent is found.
const QUEUE: &str = "a queue";
/// What tests send as a secret that is wrong and as a hint that leads to nobody, and what stands in our own texts.
const OUR_WORDS: [&str; 2] = ["wrong", "nobody"];
/// The levels that Lambda knows, as far as we have them.
const LEVELS: [&str; 3] = ["info", "warn", "error"];
/// What is shorter may stand in any text.
const SHORTEST: usize = 5;

/// Shared: clones hear the same.
#[derive(Clone, Default)]
pub struct Eavesdropper(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    /// What was sent to others: events. With where it was found.
    emitted: Vec<(&'static str, String)>,
    /// With what it is.
    secrets: BTreeMap<String, String>,
}

/// A secret where it must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    pub what: String,
    pub text: String,
}

impl Eavesdropper {
    pub fn new() -> Self {
        log::observe(|line| {
            // What is logged outside of a call is nobody's.
            let _ = LISTENING.try_with(|it| it.heard().lines.push(line.to_owned()));
        });
        Self::default()
    }

    /// Listens to what `call` logs.
    pub async fn during<T>(&self, call: impl Future<Output = T>) -> T {
        LISTENING.scope(self.clone(), call).await
    }

    /// The lines that were logged under this name, oldest first.
    pub fn lines(&self, event: &str) -> Vec<Value> {
        let lines = self.heard().lines.clone();
        let lines = lines.iter().map(|line| serde_json::from_str(line).expect("a line is JSON"));
        lines.filter(|line: &Value| line["event"] == event).collect()
    }

    /// Something that left for others.
    pub fn emitted(&self, place: &'static str, text: String) {
        self.heard().emitted.push((place, text));
    }

    /// Forgets what a test planted: lines of this name, or what was emitted there.
    pub fn forget(&self, planted: &str) {
        let mut heard = self.heard();
        let event = format!("\"event\":\"{planted}\"");
        heard.lines.retain(|line| !line.contains(&event));
        heard.emitted.retain(|(place, _)| *place != planted);
    }

    /// From now on `value` must stand nowhere.
    pub fn secret(&self, what: &str, value: &str) {
        if value.len() >= SHORTEST && !OUR_WORDS.contains(&value) {
            self.heard().secrets.insert(value.to_owned(), what.to_owned());
        }
    }

    /// Every secret that stands where it must not.
    pub fn leaks(&self) -> Vec<Leak> {
        let heard = self.heard();
        let lines = heard.lines.iter().map(|line| ("log", line));
        let all = lines.chain(heard.emitted.iter().map(|(place, text)| (*place, text)));
        let leaks = all.flat_map(|(place, text)| {
            // A queue's messages are names of requests, and nothing else.
            let secrets = heard.secrets.iter().filter(move |(_, what)| place != QUEUE || *what != LINK);
            let found = secrets.filter(|(secret, _)| text.contains(secret.as_str()));
            found.map(move |(secret, what)| Leak {
                what: format!("{what} {secret:?} in {place}"),
                text: text.clone(),
            })
        });
        leaks.collect()
    }

    /// Every line that Lambda would take for one of another level: without `level`, or without a `timestamp` of RFC 3339.
    pub fn unlevelled(&self) -> Vec<String> {
        let heard = self.heard();
        let is_right = |line: &&String| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let level = line["level"].as_str().is_some_and(|it| LEVELS.contains(&it));
            level && line["timestamp"].as_str().is_some_and(is_date_time)
        };
        heard.lines.iter().filter(|line| !is_right(line)).cloned().collect()
    }

    /// What a call sends.
    pub fn request(&self, request: &Request) {
        for value in request.headers().get_all("authorization") {
            let (scheme, credentials) =
                value.to_str().ok().and_then(|it| it.split_once(' ')).unwrap_or_default();
            self.secret("the credentials of a call", credentials);
            if scheme.eq_ignore_ascii_case("basic")
                && let Some(pair) =
                    STANDARD.decode(credentials).ok().and_then(|it| String::from_utf8(it).ok())
                && let Some((_, secret)) = pair.split_once(':')
            {
                self.secret("a client's secret", secret);
            }
        }
        for proof in request.headers().get_all("dpop") {
            self.secret("a proof of possession", proof.to_str().unwrap_or_default());
        }
        // What binds a login to its browser, and what an issuer answers.
        for cookie in request.headers().get_all("cookie") {
            let pairs = cookie.to_str().unwrap_or_default().split("; ");
            pairs
                .filter_map(|pair| pair.split_once('='))
                .for_each(|(_, value)| self.secret("a cookie", value));
        }
        for name in ["request", "state", "code"] {
            let query = request.query_string_parameters_ref();
            let what = if name == "request" { LINK } else { name };
            self.secret(what, query.as_ref().and_then(|query| query.first(name)).unwrap_or_default());
        }
        let mut path = request.uri().path().split('/').skip(1);
        if let (Some("consent" | "enroll"), Some(key)) = (path.next(), path.next()) {
            self.secret(LINK, key);
        }
        let body = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            Body::Empty | _ => return,
        };
        match serde_json::from_slice(body) {
            Ok(json) => self.json("body", &json),
            Err(_) => {
                for (name, value) in form_urlencoded::parse(body) {
                    if PARAMETERS.contains(&&*name) {
                        self.secret(&name, &value);
                    }
                    if name == "request" {
                        self.signed(&value);
                    }
                }
            }
        }
    }

    /// What a signed request has inside, and its parts, which may stand by themselves.
    fn signed(&self, jwt: &str) {
        let parts: Vec<_> = jwt.split('.').skip(1).collect();
        for part in &parts {
            self.secret("a part of a signed request", part);
        }
        let payload = parts.first().and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
        let claims: Value = payload.and_then(|it| serde_json::from_slice(&it).ok()).unwrap_or_default();
        for name in PARAMETERS {
            self.secret(name, claims[name].as_str().unwrap_or_default());
        }
    }

    fn json(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) if !PUBLIC.contains(&name) => self.secret(name, text),
            Value::Array(items) => items.iter().for_each(|item| self.json(name, item)),
            Value::Object(members) => members.iter().for_each(|(name, value)| self.json(name, value)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What a call is answered.
    pub fn answer(&self, answer: &Answer) {
        let listed = answer.body["requests"].as_array().into_iter().flatten();
        for body in listed.chain([&answer.body]) {
            self.issued(body);
        }
    }

    /// What a client is told on its own endpoint, and by what it knows us.
    pub(crate) fn received(&self, authorization: Option<&str>, body: &Value) {
        self.secret(
            "client_notification_token",
            authorization.unwrap_or_default().trim_start_matches("Bearer "),
        );
        self.issued(body);
    }

    fn issued(&self, body: &Value) {
        for name in ANSWERED {
            let what = if name == "request" { LINK } else { name };
            self.secret(what, body[name].as_str().unwrap_or_default());
        }
    }

    /// What was sent to people, and where to.
    pub fn messages(&self, inbox: &Inbox) {
        for message in inbox.messages() {
            match &message.target {
                Some(Target::PhoneNumber(number)) => self.secret("a number", number),
                Some(Target::TargetArn(arn)) => self.secret("a device", arn),
                // The stack's own; who is meant is another matter.
                Some(Target::TopicArn(_)) | None => {}
            }
            self.secret(LINK, message.text.rsplit('/').next().unwrap_or_default());
        }
    }

    /// What the operator's notifier was told, and where it sent that.
    pub fn custom_messages(&self, calls: &CallRecord) {
        for event in calls.invocations().into_iter().map(|it| it.event) {
            if event["hook"] != user_notifier::HOOK {
                continue;
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.secret("an address", &text(&event["channel"]["address"]));
            self.secret(LINK, text(&event["request"]["link"]).rsplit('/').next().unwrap_or_default());
            self.secret("a message", &text(&event["text"]));
            let content = &event["request"]["content"];
            self.secret("binding_message", &text(&content["binding_message"]));
            let details = content["details"].as_array().into_iter().flatten();
            let rows = details.flat_map(|it| it["rows"].as_array().into_iter().flatten());
            rows.for_each(|row| self.secret("a detail", &text(&row["value"])));
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Eavesdropper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Eavesdropper")
    }
}

/// Whether it has the form of RFC 3339 §5.6, in UTC and with milliseconds.
fn is_date_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let fits = |(is, wanted): (u8, u8)| if wanted == b'0' { is.is_ascii_digit() } else { is == wanted };
    text.len() == FORM.len() && text.bytes().zip(FORM.bytes()).all(fits)
}

/// The end of a provider: whatever its test was about, no secret may have been logged or emitted.
pub(crate) struct LastLook {
    pub(crate) eavesdropper: Eavesdropper,
    pub(crate) inbox: Inbox,
    pub(crate) calls: CallRecord,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) eventbridge: Arc<EventBridge>,
}

impl Drop for LastLook {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.eavesdropper.messages(&self.inbox);
        self.eavesdropper.custom_messages(&self.calls);
        for entry in self.eventbridge.attempts() {
            self.eavesdropper.emitted("an event", entry.input.to_string());
        }
        let calls = self.sqs.calls().into_iter().map(|call| call.input.to_string());
        for text in self.sqs.sent().into_iter().chain(calls) {
            self.eavesdropper.emitted(QUEUE, text);
        }
        let unlevelled = self.eavesdropper.unlevelled();
        assert!(unlevelled.is_empty(), "lines without a level or a time: {unlevelled:#?}");
        let leaks = self.eavesdropper.leaks();
        assert!(leaks.is_empty(), "secrets were logged or emitted: {leaks:#?}");
    }
}
