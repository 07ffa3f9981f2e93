//! A distinguished name in its text form (RFC 4514), as people get it from their tools.

use std::collections::BTreeSet;

use x509_parser::asn1_rs::{Any, FromDer};

use super::attribute_type::attribute_type;
use super::{Attribute, DistinguishedName, NameFlaw, Value, comparable};

impl DistinguishedName {
    /// A name in the text form of RFC 4514, which begins with the narrowest part. Spaces around its separators are
    /// skipped, and a value may stand in quotes, as older tools and Windows write it (RFC 2253 §4). Nothing else is
    /// guessed: no semicolons, no slashes, no other order.
    ///
    /// # Errors
    /// The first part that is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, NameFlaw> {
        let mut rdns = Vec::new();
        for rdn in split(text, ',')? {
            let attributes = split(rdn, '+')?;
            let set =
                attributes.iter().map(|text| Attribute::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
            if set.len() != attributes.len() {
                return Err(NameFlaw::new(rdn, "an attribute stands twice"));
            }
            rdns.push(set);
        }
        if rdns.iter().flatten().all(|attribute| attribute.value == Value::Text(String::new())) {
            return Err(NameFlaw::new(text, "nothing has a value"));
        }
        rdns.reverse();
        Ok(Self(rdns))
    }
}

impl Attribute {
    fn parse(text: &str) -> Result<Self, NameFlaw> {
        let flaw = |why| NameFlaw::new(text.trim_matches(' '), why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| flaw("there is no =, so it is no attribute"))?;
        let kind = attribute_type(kind.trim_matches(' ')).ok_or_else(|| {
            flaw("the type of the attribute is not known: write its object identifier, such as 2.5.4.3")
        })?;
        Ok(Self { kind, value: self::value(trim(value)).map_err(flaw)? })
    }
}

fn value(text: &str) -> Result<Value, &'static str> {
    if let Some(hex) = text.strip_prefix('#') {
        let der = bytes_of_hex(hex).ok_or("the value begins with # and is not hexadecimal")?;
        let (rest, any) = Any::from_der(&der).map_err(|_| "the value after # is not DER")?;
        return if rest.is_empty() { Ok(Value::of(&any)) } else { Err("more follows the DER after #") };
    }
    let plain = match text.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None => unescape(text)?,
    };
    comparable(&plain).map(Value::Text).ok_or("the value has a control character: write it as # and DER")
}

/// The parts between separators that are neither escaped nor quoted.
fn split(text: &str, separator: char) -> Result<Vec<&str>, NameFlaw> {
    let (mut parts, mut start, mut is_escaped, mut is_quoted) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // Only as the first letter of a value, so that a stray one does not hide a separator; or doubled, in one.
            '"' => {
                let before = &text[start..at];
                let begins = before.trim_end_matches(' ').ends_with('=') || before.ends_with('"');
                is_quoted = !is_quoted && begins;
            }
            _ if letter == separator && !is_quoted => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if is_escaped || is_quoted {
        let why = if is_escaped { "nothing follows the backslash" } else { "a quote is not closed" };
        return Err(NameFlaw::new(&text[start..], why));
    }
    Ok(parts)
}

/// Without the spaces around it; one that is escaped belongs to the value.
fn trim(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let ends_in_escape = trimmed.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1;
    if ends_in_escape { &value[..trimmed.len() + 1] } else { trimmed }
}

/// RFC 4514 §3: after a backslash a special character, or two hexadecimal digits for one byte of UTF-8. What has to be
/// escaped and is not is refused.
fn unescape(value: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => bytes.push(escaped(&mut rest)?),
            b'"' | b';' | b'<' | b'>' => return Err("one of \" ; < > stands without a backslash before it"),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

const NOT_UTF8: &str = "the escaped bytes are not UTF-8";

/// What follows the first quote: a value up to the last one, in which only quote and backslash are special. A quote in it
/// is escaped (RFC 2253 §4) or doubled (Windows).
fn unquote(value: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    loop {
        match rest.next().ok_or("a quote is not closed")? {
            b'\\' => bytes.push(escaped(&mut rest)?),
            b'"' => match rest.next() {
                None => return String::from_utf8(bytes).map_err(|_| NOT_UTF8),
                Some(b'"') => bytes.push(b'"'),
                Some(_) => return Err("something follows the quote that closes the value"),
            },
            byte => bytes.push(byte),
        }
    }
}

/// What a backslash and the next one or two letters stand for.
fn escaped(rest: &mut std::str::Bytes<'_>) -> Result<u8, &'static str> {
    const WHY: &str = "what follows a backslash is neither a special character nor two hexadecimal digits";
    match rest.next().ok_or("nothing follows the backslash")? {
        special @ (b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b' ' | b'#' | b'=') => Ok(special),
        first => {
            let pair = [first, rest.next().ok_or(WHY)?];
            let byte = std::str::from_utf8(&pair).ok().and_then(bytes_of_hex);
            byte.and_then(|byte| byte.first().copied()).ok_or(WHY)
        }
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() % 2 == 1 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
