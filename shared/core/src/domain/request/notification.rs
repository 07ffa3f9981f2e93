//! The messages to the person: what each of them says, in the person's language.

mod words;

use std::fmt;
use std::time::Duration;

use crate::domain::base::language::Language;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::sms_text::{parts, unaccented};
use crate::domain::base::time::Timestamp;
use crate::domain::details::authorization_details::Matter;
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::binding_message::BindingMessage;
use words::Words;

/// The longest subject that SNS accepts. Unit: characters.
const LONGEST_SUBJECT: usize = 99;

/// What a person is told about.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub request: &'a AuthenticationRequest,
    pub client_name: &'a str,
    /// In the words of `language`.
    pub matter: Matter<'a>,
    /// The person's.
    pub language: Language,
}

/// The notification of one request. Each channel uses the parts that it may show.
#[derive(Clone, Debug)]
pub struct Notification {
    pub operator_name: String,
    pub request: RequestKey,
    pub person: PersonKey,
    /// Of all texts.
    pub language: Language,
    pub link: MessageText,
    /// The operator's name, what is asked, and the link.
    pub text: MessageText,
    /// The same with the client's name and words. Only for a notifier to which the operator lets the request be told.
    pub telling_text: MessageText,
    pub sms: SmsText,
    /// What is asked, for a message that shows the operator's name by itself and needs no link.
    pub body: String,
    /// The subject of an e-mail.
    pub subject: String,
    pub expires_at: Timestamp,
    pub time_left: Duration,
}

/// A deployment's settings for messages.
#[derive(Clone, Debug)]
pub struct Messages {
    pub operator_name: String,
    /// The prefix of the link.
    pub consent_url: String,
    /// Whether an SMS names the client, if the text still fits.
    pub sms_shows_request: bool,
}

impl Messages {
    /// The notification at `now`.
    pub fn notification(&self, occasion: Occasion<'_>, now: Timestamp) -> Notification {
        let Occasion { request, matter, language, .. } = occasion;
        let words = Words::of(language);
        let asked = words.asked(matter);
        let link = self.link(&request.key);
        Notification {
            operator_name: self.operator_name.clone(),
            request: request.key,
            person: request.person.clone(),
            language,
            text: self.text(&asked, &link),
            telling_text: self.telling(occasion, &link, str::to_owned),
            link: MessageText(link),
            sms: self.sms(occasion),
            body: capitalized(&asked),
            subject: self.subject(words, matter),
            expires_at: request.lifetime.expires_at,
            time_left: request.lifetime.expires_at.since(now),
        }
    }

    /// The shortest text of all. Every other one may give way to it, so it has to fit into one SMS.
    pub fn shortest(&self, request: &RequestKey) -> MessageText {
        self.text(&Words::of(Language::English).asked(Matter::SignIn), &self.link(request))
    }

    fn text(&self, asked: &str, link: &str) -> MessageText {
        MessageText(format!("{}: {asked}: {link}", self.operator_name))
    }

    /// From the most telling text to the shortest: with the client's name and words if the setting allows that,
    /// then with the operator's title for what is asked, then without, then in English, whose letters take the
    /// least space.
    fn sms(&self, occasion: Occasion<'_>) -> SmsText {
        let Occasion { request, matter, language, .. } = occasion;
        let (words, link) = (Words::of(language), self.link(&request.key));
        let mut texts = Vec::new();
        if self.sms_shows_request {
            texts.push(self.telling(occasion, &link, unaccented));
        }
        texts.push(self.text(&unaccented(&words.asked(matter)), &link));
        texts.push(self.text(&unaccented(&words.asked(matter.untitled())), &link));
        SmsText { preferred: texts, shortest: self.shortest(&request.key) }
    }

    /// The text with the client's name and words, which are never changed. `letters` is for the other words.
    fn telling(
        &self,
        Occasion { request, client_name, matter, language }: Occasion<'_>,
        link: &str,
        letters: fn(&str) -> String,
    ) -> MessageText {
        let quoted = request.binding_message.as_ref().map(BindingMessage::as_str);
        // The client's words cannot contain a quotation mark.
        let quoted = quoted.map(|message| format!("\"{message}\" ")).unwrap_or_default();
        let asked = Words::of(language).asked_by(matter, client_name, letters);
        MessageText(format!("{}: {asked} {quoted}{link}", self.operator_name))
    }

    /// What is asked, without a title that would make the subject too long for SNS.
    fn subject(&self, words: &Words, matter: Matter<'_>) -> String {
        let subject = |matter| format!("{}: {}", self.operator_name, words.subject(matter));
        let full = subject(matter);
        if full.chars().count() <= LONGEST_SUBJECT { full } else { subject(matter.untitled()) }
    }

    fn link(&self, request: &RequestKey) -> String {
        format!("{}/{}", self.consent_url, request.encode())
    }
}

/// A text, perhaps with a link. By default it does not name the client, which is shown on the page behind the link:
/// SMS and push messages pass through other parties and appear on locked screens, so they contain no personal data.
///
/// # Security
/// It may contain the person's link, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How many parts an SMS with this text has.
    pub fn parts(&self) -> usize {
        parts(&self.0)
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageText(…)")
    }
}

/// The texts that an SMS may have: each part costs as much as a whole SMS, and some phones show a long one late or
/// never.
#[derive(Clone, Debug)]
pub struct SmsText {
    preferred: Vec<MessageText>,
    shortest: MessageText,
}

impl SmsText {
    /// The first text that fits into this many parts, or the shortest.
    pub fn within(&self, most: usize) -> &MessageText {
        self.preferred.iter().find(|text| text.parts() <= most).unwrap_or(&self.shortest)
    }
}

/// A change of a person's passkeys. It is announced on all of the person's channels, so that an attacker who adds
/// a passkey would have to control all of them to stay unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyEvent {
    Added,
    Removed,
}

/// A message to one person that asks for nothing. It has no link: otherwise people would learn to follow links in
/// such messages.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub operator_name: String,
    pub person: PersonKey,
    pub language: Language,
    pub event: PasskeyEvent,
}

impl Announcement {
    /// The text without the sender's name, which a push message shows by itself.
    pub const fn body(&self) -> &'static str {
        Words::of(self.language).announced(self.event)
    }

    pub fn text(&self) -> MessageText {
        self.named(self.body())
    }

    pub fn sms(&self) -> SmsText {
        SmsText {
            preferred: vec![self.named(&unaccented(self.body()))],
            shortest: self.named(Words::of(Language::English).announced(self.event)),
        }
    }

    /// The subject of an e-mail.
    pub fn subject(&self) -> String {
        format!("{}: {}", self.operator_name, Words::of(self.language).passkeys)
    }

    fn named(&self, words: &str) -> MessageText {
        MessageText(format!("{}: {words}", self.operator_name))
    }
}

/// The text as a sentence of its own.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
