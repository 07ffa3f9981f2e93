//! `binding_message`: shown unmodified on both devices, or refused (CIBA §7.1).
//!
//! The rule, published to clients:
//!
//! 1. 1 to 64 code points, at most 64 columns wide (a Chinese character takes two).
//! 2. ASCII letters and digits, space and `- . _ + / ! ? # : ,`; beyond ASCII, letters and their marks that
//!    Unicode allows in identifiers (UTS #39, Identifier_Status), at most two marks on one letter.
//!    So no control, bidirectional, zero-width, line or private character, no emoji, no look-alike of old scripts.
//! 3. In normal form C, so that what is sent is what is compared.
//! 4. Letters of one script, or of scripts that are written together (UTS #39, Highly Restrictive): Latin with
//!    Japanese, Chinese or Korean.
//! 5. No space at either end, and no two in a row (a page or a phone would swallow them).
//! 6. Nothing that reads as an address: no `//`, no `www.`, no host name (a dot between a letter or digit
//!    and two or more letters).
//! 7. Nothing that reads as a phone number: no run of 7 or more digits that begins with `+` or `0` and not within
//!    a word, a number or a date, with or without single separators between them.
//!
//! A message that breaks the rule is refused, never cleaned: the other device shows the original.

use std::fmt;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::is_nfc;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};
use unicode_width::UnicodeWidthStr;

/// Unit: code points, and columns. It fits every channel, beside the provider's own words.
pub const MAX_CHARACTERS: usize = 64;
/// More marks than this on one letter pile up over the lines around it.
const MAX_MARKS: usize = 2;

/// A message that every device can show as it is.
///
/// # Security
/// The person must read it as the client's words: a page marks it so, and escapes it.
#[derive(Clone, PartialEq, Eq)]
pub struct BindingMessage(String);

impl BindingMessage {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        if text.chars().count() > MAX_CHARACTERS || text.width() > MAX_CHARACTERS {
            return Err(Unacceptable::TooLong);
        }
        if text.is_empty() || !text.chars().all(is_allowed) || !marks_are_few(text) {
            return Err(Unacceptable::Characters);
        }
        if !is_nfc(text) {
            return Err(Unacceptable::NormalForm);
        }
        if !scripts_belong_together(text) {
            return Err(Unacceptable::Scripts);
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

    /// A message as read back from the table: the rule was kept when it was put there.
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
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
    NormalForm,
    Scripts,
    Spaces,
    Address,
    PhoneNumber,
}

impl Unacceptable {
    pub const fn description(self) -> &'static str {
        match self {
            Self::TooLong => "binding_message is longer than 64 characters, or wider than 64 columns",
            Self::Characters => {
                "binding_message may have letters, ASCII digits, space and the characters -._+/!?#:, only"
            }
            Self::NormalForm => "binding_message is not in Unicode normal form C",
            Self::Scripts => "binding_message mixes scripts that are not written together",
            Self::Spaces => "binding_message begins or ends with a space, or has two in a row",
            Self::Address => "binding_message reads as a web address",
            Self::PhoneNumber => "binding_message reads as a phone number",
        }
    }
}

/// Whether other text than a message is shown as it is on every device: visible ASCII and letters, as rules 2 to 5 have
/// them. Unlike a message's, its marks are any.
pub(super) fn is_plain(text: &str) -> bool {
    let is_fit = |letter: char| matches!(letter, ' '..='~') || is_allowed(letter);
    !text.is_empty()
        && text.chars().all(is_fit)
        && marks_are_few(text)
        && is_nfc(text)
        && scripts_belong_together(text)
        && text.trim() == text
        && !text.contains("  ")
}

fn is_allowed(letter: char) -> bool {
    let punctuation = matches!(letter, ' ' | '-' | '.' | '_' | '+' | '/' | '!' | '?' | '#' | ':' | ',');
    let beyond_ascii = !letter.is_ascii()
        && (letter.is_alphabetic() || is_combining_mark(letter))
        && letter.identifier_allowed();
    letter.is_ascii_alphanumeric() || punctuation || beyond_ascii
}

/// Every mark stands on something, and no letter carries more than [`MAX_MARKS`].
fn marks_are_few(text: &str) -> bool {
    let mut marks = MAX_MARKS;
    text.chars().all(|letter| {
        marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
        marks <= MAX_MARKS
    })
}

/// Spaces, digits and punctuation belong to every script.
fn scripts_belong_together(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphabetic() || is_combining_mark(*c)).collect();
    letters.is_empty() || letters.as_str().detect_restriction_level() <= RestrictionLevel::HighlyRestrictive
}

pub(super) fn reads_as_address(text: &str) -> bool {
    let host = |dot: usize| {
        let before = text[..dot].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[dot + 1..].chars().take_while(|c| c.is_alphabetic()).count();
        before && after >= 2
    };
    let lower = text.to_lowercase();
    lower.contains("//") || lower.contains("www.") || text.match_indices('.').any(|(dot, _)| host(dot))
}

pub(super) fn reads_as_phone_number(text: &str) -> bool {
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
            "Überweisung an Zoë, 100.50 EUR",
            "Платёж 4471",
            "Πληρωμή 4471",
            "振込 100 円 を 承認",
            "이체 4471",
            "دفع 4471",
            "भुगतान 4471",
            "Order 注文 4471",
        ] {
            assert_eq!(BindingMessage::parse(text).as_ref().map(BindingMessage::as_str), Ok(text));
        }
    }

    /// ATK-2-01, ATK-2-02, ATK-2-03, CIBA-7.1-20, CIBA-7.1-19
    #[test]
    fn what_not_every_device_shows_is_refused_and_not_cleaned() {
        let (long, wide) = ("a".repeat(65), "漢".repeat(33));
        for (text, why) in [
            ("", Unacceptable::Characters),
            ("1234 \u{1f600} \u{6f22}", Unacceptable::Characters),
            ("a\u{202e}b", Unacceptable::Characters),
            ("a\u{2066}b", Unacceptable::Characters),
            ("a\u{200d}b", Unacceptable::Characters),
            ("a\u{feff}b", Unacceptable::Characters),
            ("a\u{ad}b", Unacceptable::Characters),
            ("a\u{2028}b", Unacceptable::Characters),
            ("a\u{85}b", Unacceptable::Characters),
            ("a\u{a0}b", Unacceptable::Characters),
            ("a\u{fe0f}", Unacceptable::Characters),
            ("a\u{e0061}", Unacceptable::Characters),
            ("a\u{e000}", Unacceptable::Characters),
            ("\u{3164}", Unacceptable::Characters),
            ("\u{378}", Unacceptable::Characters),
            ("\u{1d41a}bc", Unacceptable::Characters),
            ("\u{ff41}bc", Unacceptable::Characters),
            ("\u{663}", Unacceptable::Characters),
            ("100 \u{20ac}", Unacceptable::Characters),
            ("\u{301}a", Unacceptable::Characters),
            ("x\u{301}\u{302}\u{303}", Unacceptable::Characters),
            ("e\u{301}", Unacceptable::NormalForm),
            ("p\u{430}ypal", Unacceptable::Scripts),
            ("\u{43e}\u{3bf}", Unacceptable::Scripts),
            ("a\tb", Unacceptable::Characters),
            ("<b>hi</b>", Unacceptable::Characters),
            ("me@bank", Unacceptable::Characters),
            (" 1234", Unacceptable::Spaces),
            ("1234 ", Unacceptable::Spaces),
            ("12  34", Unacceptable::Spaces),
            (long.as_str(), Unacceptable::TooLong),
            (wide.as_str(), Unacceptable::TooLong),
        ] {
            assert_eq!(BindingMessage::parse(text), Err(why), "{text:?}");
        }
    }

    /// ATK-2-05
    #[test]
    fn a_message_that_would_lead_the_person_elsewhere_is_refused() {
        for text in
            ["см. банк.рф", "go to https://evil", "see www.evil", "evil.com/login", "Log in at x.Bank now"]
        {
            assert_eq!(BindingMessage::parse(text), Err(Unacceptable::Address), "{text:?}");
        }
        for text in ["call +1 555 555 0100", "0800-123456", "ring 0049.151.2345678"] {
            assert_eq!(BindingMessage::parse(text), Err(Unacceptable::PhoneNumber), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_accepted_message_is_the_message_sent(text in "[ -~]{0,70}|\\PC{0,12}|(\\p{L}|\\p{M}){0,12}") {
            if let Ok(message) = BindingMessage::parse(&text) {
                proptest::prop_assert_eq!(message.as_str(), text.as_str());
                proptest::prop_assert!(text.chars().count() <= MAX_CHARACTERS);
            }
        }
    }
}
