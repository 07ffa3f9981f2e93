//! What a person reads in other people's words: binding messages, client names, payees and the other texts of
//! `authorization_details`. One rule for all of them, published to clients:
//!
//! 1. Letters, ASCII digits, the spaces and the punctuation of ordinary writing ([`character`]); nothing that a screen
//!    would swallow, turn around or draw over the line.
//! 2. In normal form C, so that what is sent is what is compared.
//! 3. Letters of one script, or of scripts that are written together (UTS #39, Highly Restrictive): Latin with
//!    Japanese, Chinese or Korean.
//! 4. No space at either end, and no two in a row.
//! 5. No markup: no angle bracket, no HTML entity, no percent-encoded byte, no link or emphasis of Markdown.
//! 6. Nothing that reads as an address ([`address`]).
//! 7. Nothing that reads as a phone number ([`phone`]); an IBAN, a date, a time and an amount are told from one by
//!    their form ([`form`]).
//!
//! A text that breaks the rule is refused, never cleaned: the other device shows the original. `samples.json` has what
//! is accepted and what is refused, by language; a test reads it.

mod address;
mod character;
mod form;
mod phone;
mod vocabulary;

use unicode_width::UnicodeWidthStr;

pub(in crate::domain) use character::is_shown_as_it_is;

/// Unit: code points, and columns. It fits every channel, beside the provider's own words.
pub const MAX_CHARACTERS: usize = 64;

/// What kind of text it is: the rule is the same, but for two signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A `binding_message`. It may repeat the name of the client that sends it, as registered. It has no `"`, because an
    /// SMS puts it between two of them.
    Message { client_name: &'a str },
    /// A client's name or a payee: it may have a dot within (`Booking.com`, `E.ON`).
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
    /// What is wrong, as the end of a sentence about the text.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Characters => "has characters other than letters, ASCII digits and ordinary punctuation",
            Self::NormalForm => "is not in Unicode normal form C",
            Self::Scripts => "mixes scripts that are not written together",
            Self::Spaces => "begins or ends with a space, or has two in a row",
            Self::Markup => "reads as markup",
            Self::Address => "reads as an address",
            Self::PhoneNumber => "reads as a phone number",
        }
    }
}

/// Whether a text can be shown beside the provider's own words.
///
/// # Errors
/// The first part of the rule that it breaks.
///
/// # Security
/// It must still be marked as somebody else's words, and escaped: the rule makes it harmless to read, not true.
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

/// Whether a text is short enough for every device. A client's name has to be, too.
pub fn fits(text: &str) -> bool {
    text.chars().count() <= MAX_CHARACTERS && text.width() <= MAX_CHARACTERS
}

/// Angle brackets and backticks are no characters of the rule; this is what can be written without them.
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
