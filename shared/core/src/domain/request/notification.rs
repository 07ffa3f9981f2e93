//! The messages to the person.

use std::fmt;
use std::time::Duration;

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::time::Timestamp;
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::binding_message::BindingMessage;

/// The length of one SMS. Unit: septets of the GSM 7-bit alphabet.
const ONE_SEGMENT: usize = 160;
/// The characters that take one septet (3GPP TS 23.038 §6.2.1), without those that are not needed here.
const GSM_BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\n\r";
/// The characters that take two septets each.
const GSM_EXTENDED: &str = "^{}\\[~]|€";

/// The notification of one request. Each channel uses the parts that it may show.
#[derive(Clone, Debug)]
pub struct Notification {
    pub operator_name: String,
    pub request: RequestKey,
    pub person: PersonKey,
    /// The operator's name and the link.
    pub text: MessageText,
    /// The text of an SMS: the same, or with the request if a setting allows that.
    pub sms: MessageText,
    pub expires_at: Timestamp,
    pub time_left: Duration,
}

/// A deployment's settings for messages.
#[derive(Clone, Debug)]
pub struct Messages {
    pub operator_name: String,
    /// The prefix of the link.
    pub consent_url: String,
    /// Whether an SMS names the client, if the text still fits into one SMS.
    pub sms_shows_request: bool,
}

impl Messages {
    /// The notification to the person at `now`.
    pub fn notification(
        &self,
        request: &AuthenticationRequest,
        client_name: &str,
        now: Timestamp,
    ) -> Notification {
        Notification {
            operator_name: self.operator_name.clone(),
            request: request.key,
            person: request.person.clone(),
            text: self.text(&request.key),
            sms: self.sms(request, client_name),
            expires_at: request.lifetime.expires_at,
            time_left: request.lifetime.expires_at.since(now),
        }
    }

    /// The text with the request, if the setting allows it and it fits into one SMS; otherwise the text without
    /// it.
    fn sms(&self, request: &AuthenticationRequest, client_name: &str) -> MessageText {
        let message = request.binding_message.as_ref().map(BindingMessage::as_str);
        let link = self.link(&request.key);
        let with_request = MessageText::with_request(&self.operator_name, client_name, message, &link);
        if self.sms_shows_request && with_request.fits_one_segment() {
            with_request
        } else {
            self.text(&request.key)
        }
    }

    /// The text for every channel that may not name the client.
    pub fn text(&self, request: &RequestKey) -> MessageText {
        MessageText::new(&self.operator_name, &self.link(request))
    }

    fn link(&self, request: &RequestKey) -> String {
        format!("{}/{}", self.consent_url, request.encode())
    }
}

/// A text with a link. By default it does not name the client, which is shown on the page behind the link: SMS
/// and push messages pass through other parties and appear on locked screens, so they contain no personal data.
///
/// # Security
/// It contains the person's link, so `Debug` does not show it.
#[derive(Clone)]
pub struct MessageText(String);

impl MessageText {
    pub fn new(operator_name: &str, link: &str) -> Self {
        Self(format!("{operator_name}: approve or decline your sign-in: {link}"))
    }

    /// A text that names the client, with the client's own words in quotation marks, which they cannot contain.
    /// The rest is as brief as possible, because an SMS is short.
    pub fn with_request(
        operator_name: &str,
        client_name: &str,
        binding_message: Option<&str>,
        link: &str,
    ) -> Self {
        let message = binding_message.map(|message| format!("\"{message}\" ")).unwrap_or_default();
        Self(format!("{operator_name}: sign in at {client_name}? {message}{link}"))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text fits into one SMS: a second segment doubles the price, and some phones show it late or
    /// never.
    pub fn fits_one_segment(&self) -> bool {
        let mut septets = 0;
        for letter in self.0.chars() {
            septets += match letter {
                _ if GSM_BASIC.contains(letter) => 1,
                _ if GSM_EXTENDED.contains(letter) => 2,
                _ => return false,
            };
        }
        septets <= ONE_SEGMENT
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageText(…)")
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
    pub event: PasskeyEvent,
}

impl Announcement {
    /// The text without the sender's name, which a push message shows by itself.
    pub const fn body(&self) -> &'static str {
        match self.event {
            PasskeyEvent::Added => "a passkey was added to your account. Not you? Call us.",
            PasskeyEvent::Removed => "a passkey was removed from your account. Not you? Call us.",
        }
    }

    pub fn text(&self) -> MessageText {
        MessageText(format!("{}: {}", self.operator_name, self.body()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_behind_a_default_api_address_is_one_segment() {
        let link =
            "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/consent/AAAAAAAAAAAAAAAAAAAAAA";
        assert!(MessageText::new("Example Bank", link).fits_one_segment());
    }

    #[test]
    fn long_texts_and_foreign_letters_do_not_fit() {
        let fits = |name: &str| MessageText::new(name, "https://op.example/consent/x").fits_one_segment();
        let fixed = MessageText::new("", "https://op.example/consent/x").expose().len();
        assert!(fits(&"x".repeat(ONE_SEGMENT - fixed)));
        assert!(!fits(&"x".repeat(ONE_SEGMENT - fixed + 1)));
        assert!(fits(&"€".repeat((ONE_SEGMENT - fixed) / 2)));
        assert!(!fits(&"€".repeat((ONE_SEGMENT - fixed) / 2 + 1)));
        assert!(!fits("Банк"));
    }

    #[test]
    fn a_text_with_the_request_quotes_the_clients_words() {
        let text = |message| {
            let text =
                MessageText::with_request("Example Bank", "City Kiosk", message, "https://op.example/c/x");
            text.expose().to_owned()
        };
        let expected = "Example Bank: sign in at City Kiosk? \"K7-2931\" https://op.example/c/x";
        assert_eq!(text(Some("K7-2931")), expected);
        assert_eq!(text(None), "Example Bank: sign in at City Kiosk? https://op.example/c/x");
    }

    #[test]
    fn an_announcement_is_one_segment_and_has_no_link() {
        for event in [PasskeyEvent::Added, PasskeyEvent::Removed] {
            let person = PersonKey::new("i", "v");
            let it = Announcement { operator_name: "x".repeat(64), person, event };
            let text = it.text();
            assert!(text.fits_one_segment() && !text.expose().contains("http"), "{}", text.expose());
        }
    }
}
