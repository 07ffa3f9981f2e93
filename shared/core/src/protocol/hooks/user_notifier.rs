//! `UserNotifierFunction`: delivers a message to a person on a channel of kind `custom`.
//!
//! None of these types has `Debug`: all of them are about a person.
//!
//! # Security
//! With the link anybody can open the request's page and decline the request, but not approve it.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use serde_json::{Map, Value};

use crate::domain::base::language::Language;
use crate::domain::base::time::Timestamp;
use crate::domain::details::properties::Properties;
use crate::domain::details::row::Row;
use crate::domain::person::channel::CustomChannel;
use crate::domain::request::notification::{Announcement, Notification, PasskeyEvent};
use crate::protocol::hooks::{self, Answered, CallingClient, HookEvent, NotAnAnswer, VERSION};

/// The name of the hook.
pub const HOOK: &str = "user_notifier";

/// What the notifier gets.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserNotifierEvent<'a> {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    /// Always `user_notifier`, so that one function can serve several hooks.
    #[cfg_attr(feature = "schema", schemars(extend("const" = HOOK)))]
    pub hook: &'static str,
    /// The same for every attempt of one call: a message is sent once for each.
    pub id: &'a str,
    pub kind: NotifierKind,
    pub channel: NotifierChannel<'a>,
    /// The language of `subject` and `text`: the tag of one of the languages of the pages.
    pub locale: &'static str,
    /// A line for a channel that has one, such as e-mail.
    pub subject: &'a str,
    /// The message, ready to be sent. For a request it has the link.
    pub text: &'a str,
    /// When this provider stops waiting for the answer. Unit: milliseconds since the epoch.
    pub deadline: i64,
    /// Absent unless `kind` is `request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<NotifierRequest<'a>>,
}

/// What the message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotifierKind {
    /// A request waits for the person's decision.
    Request,
    /// News: a passkey was added to the person's account.
    PasskeyAdded,
    /// News: a passkey was removed from it.
    PasskeyRemoved,
}

/// Where the message goes: a channel of the person.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotifierChannel<'a> {
    pub name: &'a str,
    pub address: &'a str,
}

/// The request that waits.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotifierRequest<'a> {
    /// The page on which the person decides. Its last part is the request's name in the consent API.
    pub link: &'a str,
    /// When the request expires. Unit: seconds since the epoch.
    pub expires_at: i64,
    /// Present with `USER_NOTIFIER_CONTENT=full` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<NotifierContent<'a>>,
}

/// What is asked, as the page shows it, in the language of the message.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotifierContent<'a> {
    pub client: CallingClient<'a>,
    /// The client's words. Show them unmodified, marked as the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<&'a str>,
    pub scopes: Vec<NotifierScope<'a>>,
    /// The `authorization_details`, in the order in which they were sent.
    pub details: Vec<NotifierDetail<'a>>,
    /// What the policy answered for the later hooks. Absent if it answered none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Map<String, Value>>"))]
    pub properties: Option<&'a Properties>,
}

/// A value of `scope`.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotifierScope<'a> {
    pub value: &'a str,
    pub words: &'a str,
}

/// An entry of `authorization_details` in words.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotifierDetail<'a> {
    /// The operator's title for its type.
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headline: Option<&'a str>,
    pub rows: &'a [Row],
}

/// What the notifier answers.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserNotifierAnswer {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    pub outcome: NotifierOutcome,
    /// For the log of this provider, at most 200 characters; it is never sent to the client.
    pub reason: Option<String>,
}

/// What became of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotifierOutcome {
    /// It is on its way.
    Accepted,
    /// It was not sent and never will be: the person cannot be reached at this address. The next channel is tried.
    Unreachable,
    /// It was not sent for another reason, or it is unknown whether it was. No other channel is tried.
    Outage,
}

/// Why a message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    Unreachable,
    Outage,
}

/// What is the same in every message of a call.
#[derive(Clone, Copy)]
pub struct NotifierCall<'a> {
    pub id: &'a str,
    pub channel: &'a CustomChannel,
    /// When the call is given up.
    pub deadline: Timestamp,
}

impl<'a> UserNotifierEvent<'a> {
    /// A request waits. Only with `content` does the text name the client.
    pub fn request(
        call: NotifierCall<'a>,
        notification: &'a Notification,
        content: Option<NotifierContent<'a>>,
    ) -> Self {
        let text = if content.is_some() { &notification.telling_text } else { &notification.text };
        let request = NotifierRequest {
            link: notification.link.expose(),
            expires_at: notification.expires_at.seconds(),
            content,
        };
        let texts = (notification.language, notification.subject.as_str(), text.expose());
        Self { request: Some(request), ..Self::message(call, NotifierKind::Request, texts) }
    }

    /// News, whose `subject` and `text` are those of `announcement`.
    pub fn news(
        call: NotifierCall<'a>,
        announcement: &Announcement,
        (subject, text): (&'a str, &'a str),
    ) -> Self {
        let kind = match announcement.event {
            PasskeyEvent::Added => NotifierKind::PasskeyAdded,
            PasskeyEvent::Removed => NotifierKind::PasskeyRemoved,
        };
        Self::message(call, kind, (announcement.language, subject, text))
    }

    fn message(
        NotifierCall { id, channel, deadline }: NotifierCall<'a>,
        kind: NotifierKind,
        (language, subject, text): (Language, &'a str, &'a str),
    ) -> Self {
        Self {
            version: VERSION,
            hook: HOOK,
            id,
            kind,
            channel: NotifierChannel { name: channel.name(), address: channel.expose() },
            locale: language.tag(),
            subject,
            text,
            deadline: deadline.millis(),
            request: None,
        }
    }
}

impl HookEvent for UserNotifierEvent<'_> {
    type Accepted = ();
    type Error = NotAccepted;

    fn id(&self) -> &str {
        self.id
    }

    fn read(answer: &[u8]) -> Result<Answered<(), NotAccepted>, NotAnAnswer> {
        let answer: UserNotifierAnswer = hooks::read(answer, |answer: &UserNotifierAnswer| answer.version)?;
        Ok(match answer.outcome {
            NotifierOutcome::Accepted => Answered::Accepted(()),
            NotifierOutcome::Unreachable => Answered::refused(NotAccepted::Unreachable, answer.reason),
            NotifierOutcome::Outage => Answered::refused(NotAccepted::Outage, answer.reason),
        })
    }

    fn is_fault(error: &NotAccepted) -> bool {
        match error {
            NotAccepted::Unreachable => false,
            NotAccepted::Outage => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(answer: &Value) -> Option<Result<(), NotAccepted>> {
        Some(match UserNotifierEvent::read(answer.to_string().as_bytes()).ok()? {
            Answered::Accepted(()) => Ok(()),
            Answered::Refused { error, .. } => Err(error),
        })
    }

    /// HOOK-5-03
    #[test]
    fn only_an_explicit_outcome_counts() {
        let answer = |outcome: &str| json!({"version": 1, "outcome": outcome});
        assert_eq!(read(&answer("accepted")), Some(Ok(())));
        assert_eq!(read(&answer("unreachable")), Some(Err(NotAccepted::Unreachable)));
        assert_eq!(read(&answer("outage")), Some(Err(NotAccepted::Outage)));
        let bounced = json!({"version": 1, "outcome": "unreachable", "reason": "bounced"});
        assert_eq!(read(&bounced), Some(Err(NotAccepted::Unreachable)));
        for answer in [
            json!({}),
            json!({"version": 1}),
            json!({"version": 1, "outcome": null}),
            json!({"version": 1, "outcome": true}),
            json!({"version": 1, "outcome": "Accepted"}),
            json!({"version": 1, "outcome": "queued"}),
            json!({"version": 2, "outcome": "accepted"}),
            json!({"version": 1, "outcome": "accepted", "id": "x"}),
            json!([1, "accepted", null]),
            json!("accepted"),
            json!(null),
        ] {
            assert_eq!(read(&answer), None, "{answer}");
        }
    }
}
