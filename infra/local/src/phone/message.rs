//! A message as the phone shows it.

use serde::Serialize;

use super::Shared;
use crate::{clock, sns::Message};

/// 16 bytes in base64url.
const REQUEST_KEY_LENGTH: usize = 22;

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    pub id: String,
    /// Whose phone it is: the person's whom the request asks, or who has the number in the seed; else nobody's.
    pub sub: Option<String>,
    pub number: String,
    pub text: String,
    /// Epoch seconds.
    pub at: u64,
    /// The request its link leads to.
    pub request: Option<String>,
}

impl Received {
    /// The message, if it is an SMS.
    pub(super) async fn read(shared: &Shared, message: Message) -> Option<Self> {
        let number = message.phone_number()?.to_owned();
        let request = request_in(&message.text).map(str::to_owned);
        let asked = match &request {
            Some(request) => shared.asked(request).await,
            None => None,
        };
        Some(Self {
            sub: asked.or_else(|| shared.owner_of(&number).map(|person| person.sub.clone())),
            request,
            number,
            at: clock::since_epoch(message.at).as_secs(),
            id: message.id,
            text: message.text,
        })
    }
}

/// The request a message's link leads to: the last path segment of the first link that ends in a key.
pub fn request_in(text: &str) -> Option<&str> {
    let links = text.split_whitespace().filter(|word| word.contains("://"));
    links.filter_map(request_of_link).next()
}

fn request_of_link(link: &str) -> Option<&str> {
    let path = link.split(['?', '#']).next()?;
    // Of the sentence around it, not of the link. A key has no such character.
    let path = path.trim_end_matches(['.', ',', ')', '>', '!']);
    let (_, last) = path.rsplit_once('/')?;
    let is_key = last.len() == REQUEST_KEY_LENGTH
        && last.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_key.then_some(last)
}

#[cfg(test)]
mod tests {
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
}
