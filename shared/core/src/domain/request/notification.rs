//! What the message to the person says.

use std::fmt;
use std::time::Duration;

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::time::Timestamp;
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::binding_message::BindingMessage;

/// Unit: septets of the GSM 7-bit alphabet in one SMS.
const ONE_SEGMENT: usize = 160;
/// 3GPP TS 23.038 §6.2.1, without the letters nobody needs here.
const GSM_BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\n\r";
/// These take two septets each.
const GSM_EXTENDED: &str = "^{}\\[~]|€";

/// One request, as a person may be told of it. Each channel takes of it what it may show.
#[derive(Clone, Debug)]
pub struct Notification {
    pub operator_name: String,
    pub request: RequestKey,
    pub person: PersonKey,
    /// The operator's name and the link.
    pub text: MessageText,
    /// What an SMS says: the same, or more by setting.
    pub sms: MessageText,
    pub expires_at: Timestamp,
    pub time_left: Duration,
}

/// What a deployment's messages are made of.
#[derive(Clone, Debug)]
pub struct Messages {
    pub operator_name: String,
    /// What the link begins with.
    pub consent_url: String,
    /// Whether an SMS says who asks, where it stays one SMS.
    pub sms_shows_request: bool,
}

impl Messages {
    /// What the person asked is told at `now`.
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

    /// The text with the request, by setting and where it is one SMS; else the one that always is.
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

    /// The text of every channel that may not say who asks.
    pub fn text(&self, request: &RequestKey) -> MessageText {
        MessageText::new(&self.operator_name, &self.link(request))
    }

    fn link(&self, request: &RequestKey) -> String {
        format!("{}/{}", self.consent_url, request.encode())
    }
}

/// A text with a link. By default it does not say who is asking: that is on the page behind the link, and the text
/// carries no authority and no personal data (`ATK-7-03`).
///
/// # Security
/// It holds the person's link, so it is not shown in `Debug`.
#[derive(Clone)]
pub struct MessageText(String);

impl MessageText {
    pub fn new(operator_name: &str, link: &str) -> Self {
        Self(format!("{operator_name}: approve or refuse your sign-in: {link}"))
    }

    /// A text that says who asks, with the client's own words in quotation marks, which they cannot contain. It has as
    /// few words of its own as can be, because an SMS is short.
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

    /// A second segment doubles the price, and some phones show it late or never.
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

/// What became of a person's passkeys. Told on all of the person's channels, so that whoever slipped one in would have to
/// hold all of them (`ATK-7-05`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyEvent {
    Added,
    Removed,
}

/// News for one person that asks nothing. It has no link: there is nothing to follow, and who gets one in such a message
/// learns to follow links in such messages.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub operator_name: String,
    pub person: PersonKey,
    pub event: PasskeyEvent,
}

impl Announcement {
    /// Without the name of the sender, which a push message shows by itself.
    pub const fn body(&self) -> &'static str {
        match self.event {
            PasskeyEvent::Added => "a passkey was added to sign in as you. Not you? Call us.",
            PasskeyEvent::Removed => "a passkey to sign in as you was removed. Not you? Call us.",
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
