//! `binding_message`: shown unmodified on both devices, or refused (CIBA §7.1).
//!
//! It has 1 to 64 code points, is at most 64 columns wide (a Chinese character takes two), and follows the rule
//! for all texts from others that are shown to a person ([`plain_text`](crate::domain::base::plain_text)). A
//! message that breaks the rule is refused, never cleaned: the other device shows the original.

use std::fmt;

use crate::domain::base::plain_text::{self, Kind, Unacceptable, fits};

/// A message that every device can show as it is.
///
/// # Security
/// The person must recognize it as the client's words: a page marks it as such, and escapes it.
#[derive(Clone, PartialEq, Eq)]
pub struct BindingMessage(String);

impl BindingMessage {
    /// Parses a message from the client that is registered as `client_name`.
    ///
    /// # Errors
    /// The reason, for the client.
    pub fn parse(text: &str, client_name: &str) -> Result<Self, &'static str> {
        if !fits(text) {
            return Err("binding_message is longer than 64 characters, or wider than 64 columns");
        }
        match plain_text::check(text, Kind::Message { client_name }) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(why) => Err(description(why)),
        }
    }

    /// A message as read from the table, which was checked before it was stored.
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn description(why: Unacceptable) -> &'static str {
    match why {
        Unacceptable::Characters => {
            "binding_message may only have letters, ASCII digits, spaces, ordinary punctuation and currency signs"
        }
        Unacceptable::NormalForm => "binding_message is not in Unicode normal form C",
        Unacceptable::Scripts => "binding_message mixes scripts that are not written together",
        Unacceptable::Spaces => "binding_message begins or ends with a space, or has consecutive spaces",
        Unacceptable::Markup => "binding_message reads as markup",
        Unacceptable::Address => "binding_message reads as a web address",
        Unacceptable::PhoneNumber => "binding_message reads as a phone number",
    }
}

/// Redacted, so that no log contains it: a message is personal data.
impl fmt::Debug for BindingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindingMessage(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BindingMessage, &'static str> {
        BindingMessage::parse(text, "City Kiosk")
    }

    /// CIBA-7.1-19, ATK-2-06
    #[test]
    fn a_message_has_up_to_64_characters_and_columns() {
        for (text, fits) in [
            ("a".repeat(64), true),
            ("a".repeat(65), false),
            ("漢".repeat(32), true),
            ("漢".repeat(33), false),
            (String::new(), false),
        ] {
            assert_eq!(parse(&text).is_ok(), fits, "{text}");
        }
    }

    /// HYG-1-09: the description of an error is limited to certain characters.
    #[test]
    fn each_refusal_says_why_in_plain_ascii() {
        for text in [
            "\u{1f600}",
            "e\u{301}",
            "p\u{430}ypal",
            " 1",
            "&lt;",
            "evil.example",
            "0800 5550199",
            &"a".repeat(65),
        ] {
            let why = parse(text).unwrap_err();
            let is_fit = |b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(why.starts_with("binding_message ") && why.bytes().all(is_fit), "{why}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_accepted_message_is_the_message_sent(text in "[ -~]{0,70}|\\PC{0,12}|(\\p{L}|\\p{M}){0,12}") {
            if let Ok(message) = parse(&text) {
                proptest::prop_assert_eq!(message.as_str(), text.as_str());
                proptest::prop_assert!(fits(&text));
            }
        }
    }
}
