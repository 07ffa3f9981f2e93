//! Texts from others that are shown to a person: binding messages, client names, payees and the other texts of
//! `authorization_details`. They share one rule, which is published to clients (CIBA §7.1: a binding message is
//! short, of a limited character set, and shown unmodified):
//!
//! 1. Letters, ASCII digits, and the spaces and punctuation of ordinary writing ([`character`]); nothing that a
//!    screen would hide, reorder or draw over other lines.
//! 2. In normal form C, so that the text that is compared is the text that was sent.
//! 3. Letters of one script, or of scripts that are written together (UTS #39, Highly Restrictive): Latin with
//!    Japanese, Chinese or Korean. In Arabic, whole words may be in ASCII letters.
//! 4. No leading, trailing or consecutive spaces.
//! 5. No markup: no angle bracket, no HTML entity, no percent-encoded byte, no Markdown link or emphasis.
//! 6. Nothing that reads as an address ([`address`]).
//! 7. Nothing that reads as a phone number ([`phone`]); IBANs, dates, times and amounts are distinguished from one
//!    by their form ([`form`]).
//!
//! A text that breaks the rule is refused, never cleaned: the other device shows the original. `samples.json` lists
//! accepted and refused texts by language; a test reads it.

mod address;
mod character;
mod form;
mod phone;
mod vocabulary;

pub use form::is_iban;

use unicode_width::UnicodeWidthStr;

pub(in crate::domain) use character::is_shown_as_it_is;

/// A text of this length fits every channel, next to the provider's own words. Unit: code points, and display
/// columns.
pub const MAX_CHARACTERS: usize = 64;

/// The kind of text. The rule is the same for all, except for two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A `binding_message`. It may repeat the registered name of the client that sends it. It has no `"`, because
    /// an SMS quotes the message.
    Message { client_name: &'a str },
    /// A client's name or a payee: it may contain a dot (`Booking.com`, `E.ON`).
    Name,
    /// Any other text.
    Text,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unacceptable {
    Characters,
    NormalForm,
    Scripts,
    Spaces,
    Markup,
    Address,
    PhoneNumber,
}

impl Unacceptable {
    /// The reason, as the predicate of a sentence about the text.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Characters => "has characters other than letters, ASCII digits and ordinary punctuation",
            Self::NormalForm => "is not in Unicode normal form C",
            Self::Scripts => "mixes scripts that are not written together",
            Self::Spaces => "begins or ends with a space, or has consecutive spaces",
            Self::Markup => "reads as markup",
            Self::Address => "reads as an address",
            Self::PhoneNumber => "reads as a phone number",
        }
    }
}

/// Checks whether a text can be shown next to the provider's own words.
///
/// # Errors
/// The first part of the rule that the text breaks.
///
/// # Security
/// The text must still be marked as someone else's, and escaped: the rule makes it harmless to read, not true.
pub fn check(text: &str, kind: Kind<'_>) -> Result<(), Unacceptable> {
    character::check(text, kind)?;
    if reads_as_markup(text) {
        return Err(Unacceptable::Markup);
    }
    if address::reads_as_address(text, kind) {
        return Err(Unacceptable::Address);
    }
    if phone::reads_as_phone_number(text) {
        return Err(Unacceptable::PhoneNumber);
    }
    Ok(())
}

/// Whether a text is short enough for every device. This applies to a client's name as well.
pub fn fits(text: &str) -> bool {
    text.chars().count() <= MAX_CHARACTERS && text.width() <= MAX_CHARACTERS
}

/// Angle brackets and backticks are not allowed anyway; this finds the markup that can be written without them.
fn reads_as_markup(text: &str) -> bool {
    let entity = |rest: &str| {
        let name = rest.split_once(';').map_or("", |(name, _)| name);
        let is_name = name.len() >= 2 && name.bytes().all(|b| b.is_ascii_alphanumeric());
        is_name || (name.starts_with('#') && name.len() >= 2)
    };
    let encoded = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.chars().nth(1).is_some_and(|c| c.is_ascii_hexdigit())
    };
    let marks = ["**", "__", "](", "[["];
    text.split('&').skip(1).any(entity)
        || text.split('%').skip(1).any(encoded)
        || marks.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests;
