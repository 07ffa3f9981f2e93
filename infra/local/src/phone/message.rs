//! A message as the phone shows it.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::{ChatMessage, RequestState, Shared};
use crate::{
    clock,
    sns::{Message, Target},
};

/// 16 bytes in base64url.
const REQUEST_KEY_LENGTH: usize = 22;

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    pub id: String,
    /// The owner of the phone: the person whom the request asks, or who has the address in the seed.
    pub sub: Option<String>,
    /// `sms`, `push`, `topic` or `chat`.
    pub kind: &'static str,
    /// The number, the ARN or the end of the webhook that it was sent to.
    pub address: String,
    pub text: String,
    /// Epoch seconds.
    pub at: u64,
    /// The request that its link leads to, or that an app would open.
    pub request: Option<String>,
    /// The provider's page for it, where the link leads.
    pub page: Option<String>,
    /// The client that sent the request, as long as the provider knows it.
    pub client: Option<String>,
    /// What became of the request, as long as the provider knows it.
    pub state: Option<RequestState>,
}

/// A message by the way that it came.
pub(super) enum Arrived {
    Sns(Message),
    Chat(ChatMessage),
}

/// What is shown of it.
struct Shown {
    kind: &'static str,
    address: String,
    text: String,
    request: Option<String>,
}

impl Arrived {
    pub(super) fn order(&self) -> u64 {
        match self {
            Self::Sns(message) => message.order,
            Self::Chat(message) => message.order,
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Sns(message) => &message.id,
            Self::Chat(message) => &message.id,
        }
    }

    fn at(&self) -> SystemTime {
        match self {
            Self::Sns(message) => message.at,
            Self::Chat(message) => message.at,
        }
    }

    /// A push message whose payload is not a notification shows nothing.
    fn shown(&self) -> Option<Shown> {
        let with_link = |kind, address: &str, text: &str| Shown {
            kind,
            address: address.to_owned(),
            text: text.to_owned(),
            request: request_in(text).map(str::to_owned),
        };
        match self {
            Self::Chat(message) => Some(with_link("chat", &message.address, &message.text)),
            Self::Sns(message) => Some(match message.target.as_ref()? {
                Target::PhoneNumber(number) => with_link("sms", number, &message.text),
                Target::TopicArn(topic) => with_link("topic", topic, &message.text),
                Target::TargetArn(endpoint) => {
                    let (text, request) = notification(&message.push_payload()?)?;
                    Shown { kind: "push", address: endpoint.clone(), text, request }
                }
            }),
        }
    }
}

impl Received {
    /// The message as its owner sees it.
    pub(super) async fn read(shared: &Shared, message: Arrived) -> Option<Self> {
        let Shown { kind, address, text, request } = message.shown()?;
        let asked = match &request {
            Some(request) => shared.asked(request).await,
            None => None,
        };
        let sub = asked.or_else(|| shared.owner_of(&address).map(|person| person.sub.clone()));
        let known = match &request {
            Some(request) => shared.directory.request(request).await,
            None => None,
        };
        Some(Self {
            sub,
            page: request.as_ref().map(|request| format!("{}/consent/{request}", shared.issuer)),
            state: known.as_ref().map(|it| it.state),
            client: known.map(|it| it.client),
            kind,
            address,
            text,
            request,
            at: clock::since_epoch(message.at()).as_secs(),
            id: message.id().to_owned(),
        })
    }
}

/// What a device shows for a payload of APNs or FCM, and the request that its app would open.
fn notification(payload: &Value) -> Option<(String, Option<String>)> {
    let fcm = &payload["fcmV1Message"]["message"];
    let (shown, data) = if fcm.is_object() {
        (&fcm["notification"], &fcm["data"])
    } else {
        (&payload["aps"]["alert"], payload)
    };
    let text = format!("{}: {}", shown["title"].as_str()?, shown["body"].as_str()?);
    Some((text, data["request"].as_str().filter(|key| is_key(key)).map(str::to_owned)))
}

/// The request that a message's link leads to: the last path segment of the first link that ends in a key.
pub fn request_in(text: &str) -> Option<&str> {
    let links = text.split_whitespace().filter(|word| word.contains("://"));
    links.filter_map(request_of_link).next()
}

fn request_of_link(link: &str) -> Option<&str> {
    let path = link.split(['?', '#']).next()?;
    // Part of the sentence around it, not of the link. A key has no such character.
    let path = path.trim_end_matches(['.', ',', ')', '>', '!']);
    let (_, last) = path.rsplit_once('/')?;
    is_key(last).then_some(last)
}

fn is_key(text: &str) -> bool {
    text.len() == REQUEST_KEY_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "abcdefghijklmnopqrst-_";

    #[test]
    fn the_link_in_a_sentence_leads_to_its_request() {
        let texts = [
            format!("Example: confirm at http://localhost:9000/consent/{KEY}"),
            format!("Example: http://localhost:9000/consent/{KEY}. Not you? Ignore it."),
            format!("https://example.com/help https://example.com/c/{KEY}?lang=en"),
        ];
        for text in texts {
            assert_eq!(request_in(&text), Some(KEY), "{text}");
        }
    }

    #[test]
    fn a_message_without_such_a_link_leads_nowhere() {
        for text in ["", KEY, "http://", "http://localhost/consent/short", "https://example.com/"] {
            assert_eq!(request_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_push_message_shows_title_and_body_and_opens_its_request() {
        let alert = json!({"title": "Example", "body": "Confirm"});
        for payload in [
            json!({"aps": {"alert": alert}, "request": KEY}),
            json!({"fcmV1Message": {"message": {"notification": alert, "data": {"request": KEY}}}}),
        ] {
            let expected = ("Example: Confirm".to_owned(), Some(KEY.to_owned()));
            assert_eq!(notification(&payload), Some(expected), "{payload}");
        }
        assert_eq!(notification(&json!({"aps": {"alert": alert}, "request": "x"})).unwrap().1, None);
        assert_eq!(notification(&json!({"aps": {"content-available": 1}})), None);
    }
}
