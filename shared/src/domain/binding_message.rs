//! `binding_message`: shown unmodified on both devices, or refused (CIBA §7.1).
//!
//! The rule, published to clients:
//!
//! 1. 1 to 64 characters out of ASCII letters, digits, space and `- . _ + / ! ? # : ,`;
//! 2. no space at either end, and no two in a row (a page or a phone would swallow them);
//! 3. nothing that reads as an address: no `//`, no `www.`, no host name (a dot between a letter or digit
//!    and two or more letters);
//! 4. nothing that reads as a phone number: no run of 7 or more digits that begins with `+` or `0`, with or
//!    without single separators between them.
//!
//! A message that breaks the rule is refused, never cleaned: the other device shows the original.

use std::fmt;

/// Unit: characters. It fits every channel, beside the provider's own words.
pub const MAX_CHARACTERS: usize = 64;

/// A message that every device can show as it is.
///
/// # Security
/// The person must read it as the client's words: a page marks it so, and escapes it.
#[derive(Clone, PartialEq, Eq)]
pub struct BindingMessage(String);

impl BindingMessage {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Unacceptable::TooLong);
        }
        if text.is_empty() || !text.bytes().all(is_allowed) {
            return Err(Unacceptable::Characters);
        }
        if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
            return Err(Unacceptable::Spaces);
        }
        if reads_as_address(text) {
            return Err(Unacceptable::Address);
        }
        if reads_as_phone_number(text) {
            return Err(Unacceptable::PhoneNumber);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// HYG-5-01: a message is the client's and the person's business.
impl fmt::Debug for BindingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindingMessage(…)")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unacceptable {
    TooLong,
    Characters,
    Spaces,
    Address,
    PhoneNumber,
}

impl Unacceptable {
    pub const fn description(self) -> &'static str {
        match self {
            Self::TooLong => "binding_message is longer than 64 characters",
            Self::Characters => {
                "binding_message may have ASCII letters, digits, space and the characters -._+/!?#:, only"
            }
            Self::Spaces => "binding_message begins or ends with a space, or has two in a row",
            Self::Address => "binding_message reads as a web address",
            Self::PhoneNumber => "binding_message reads as a phone number",
        }
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b' ' | b'-' | b'.' | b'_' | b'+' | b'/' | b'!' | b'?' | b'#' | b':' | b',')
}

fn reads_as_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    let host = |dot: usize| {
        let before = dot.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric);
        let after = bytes.iter().skip(dot + 1).take_while(|b| b.is_ascii_alphabetic()).count();
        before && after >= 2
    };
    let lower = text.to_ascii_lowercase();
    lower.contains("//") || lower.contains("www.") || text.match_indices('.').any(|(dot, _)| host(dot))
}

fn reads_as_phone_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |at: usize| {
        // Not within a word, a number or a date.
        let before = at.checked_sub(1).and_then(|i| bytes.get(i));
        let inside = before.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/'));
        matches!(bytes.get(at), Some(b'+' | b'0')) && !inside
    };
    (0..bytes.len()).filter(|&at| begins(at)).any(|at| {
        let (mut digits, mut separated) = (0, true);
        for byte in bytes.iter().skip(at + usize::from(bytes.get(at) == Some(&b'+'))) {
            match byte {
                b'0'..=b'9' => (digits, separated) = (digits + 1, false),
                b' ' | b'-' | b'.' | b'/' if !separated => separated = true,
                _ => break,
            }
        }
        digits >= 7
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIBA-7.1-21
    #[test]
    fn codes_and_short_sentences_are_accepted_unmodified() {
        let longest = "a".repeat(64);
        for text in [
            "1234",
            "K7-2931",
            "Transfer 100.50 EUR to M. Meyer?",
            "Order 2026-11-22 0815",
            "Order 2026-01-02 0815",
            "Desk #4: hello, ready!",
            "12345678901234",
            longest.as_str(),
        ] {
            assert_eq!(BindingMessage::parse(text).as_ref().map(BindingMessage::as_str), Ok(text));
        }
    }

    /// ATK-2-01, ATK-2-02, ATK-2-03, CIBA-7.1-20
    #[test]
    fn what_not_every_device_shows_is_refused_and_not_cleaned() {
        let long = "a".repeat(65);
        for (text, why) in [
            ("", Unacceptable::Characters),
            ("1234 \u{1f600} \u{6f22}", Unacceptable::Characters),
            ("a\u{202e}b", Unacceptable::Characters),
            ("a\tb", Unacceptable::Characters),
            ("<b>hi</b>", Unacceptable::Characters),
            ("me@bank", Unacceptable::Characters),
            (" 1234", Unacceptable::Spaces),
            ("1234 ", Unacceptable::Spaces),
            ("12  34", Unacceptable::Spaces),
            (long.as_str(), Unacceptable::TooLong),
        ] {
            assert_eq!(BindingMessage::parse(text), Err(why), "{text:?}");
        }
    }

    /// ATK-2-05
    #[test]
    fn a_message_that_would_lead_the_person_elsewhere_is_refused() {
        for text in ["go to https://evil", "see www.evil", "evil.com/login", "Log in at x.Bank now"] {
            assert_eq!(BindingMessage::parse(text), Err(Unacceptable::Address), "{text:?}");
        }
        for text in ["call +1 555 555 0100", "0800-123456", "ring 0049.151.2345678"] {
            assert_eq!(BindingMessage::parse(text), Err(Unacceptable::PhoneNumber), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_accepted_message_is_the_message_sent(text in "[ -~]{0,70}") {
            if let Ok(message) = BindingMessage::parse(&text) {
                proptest::prop_assert_eq!(message.as_str(), text.as_str());
                proptest::prop_assert!(text.len() <= MAX_CHARACTERS);
            }
        }
    }
}
