//! Parses a distinguished name in its text form (RFC 4514), as tools print it.

use std::collections::BTreeSet;

use x509_parser::asn1_rs::{Any, FromDer};

use super::attribute_type::attribute_type;
use super::{Attribute, DistinguishedName, NameFlaw, Value, comparable};

impl DistinguishedName {
    /// Parses a name in the text form of RFC 4514, which begins with the most specific part. Spaces around
    /// separators are skipped, and a value may be quoted, as older tools and Windows write it (RFC 2253 §4).
    /// Nothing else is accepted: no semicolons, no slashes, no other order.
    ///
    /// # Errors
    /// The first malformed part, and the reason.
    pub fn parse(text: &str) -> Result<Self, NameFlaw> {
        let mut rdns = Vec::new();
        for rdn in split(text, ',')? {
            let attributes = split(rdn, '+')?;
            let set =
                attributes.iter().map(|text| Attribute::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
            if set.len() != attributes.len() {
                return Err(NameFlaw::new(rdn, "an attribute occurs twice"));
            }
            rdns.push(set);
        }
        if rdns.iter().flatten().all(|attribute| attribute.value == Value::Text(String::new())) {
            return Err(NameFlaw::new(text, "no attribute has a value"));
        }
        rdns.reverse();
        Ok(Self(rdns))
    }
}

impl Attribute {
    fn parse(text: &str) -> Result<Self, NameFlaw> {
        let flaw = |why| NameFlaw::new(text.trim_matches(' '), why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| flaw("there is no =, so it is not an attribute"))?;
        let kind = attribute_type(kind.trim_matches(' ')).ok_or_else(|| {
            flaw("the attribute type is unknown: use its object identifier instead, such as 2.5.4.3")
        })?;
        Ok(Self { kind, value: self::value(trim(value)).map_err(flaw)? })
    }
}

fn value(text: &str) -> Result<Value, &'static str> {
    if let Some(hex) = text.strip_prefix('#') {
        let der = bytes_of_hex(hex).ok_or("the value begins with # but is not hexadecimal")?;
        let (rest, any) = Any::from_der(&der).map_err(|_| "the value after # is not DER")?;
        return if rest.is_empty() { Ok(Value::of(&any)) } else { Err("data follows the DER value after #") };
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
            // A quote is recognized only at the start of a value, so that a stray one does not hide a separator,
            // or doubled within a quoted value.
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

/// Trims spaces, except an escaped one, which belongs to the value.
fn trim(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let ends_in_escape = trimmed.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1;
    if ends_in_escape { &value[..trimmed.len() + 1] } else { trimmed }
}

/// RFC 4514 §3: a backslash is followed by a special character or by two hexadecimal digits for one byte of UTF-8.
/// Special characters that are not escaped are refused.
fn unescape(value: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => bytes.push(escaped(&mut rest)?),
            b'"' | b';' | b'<' | b'>' => return Err("one of \" ; < > is not escaped with a backslash"),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

const NOT_UTF8: &str = "the escaped bytes are not UTF-8";

/// Parses what follows the opening quote: a value up to the closing quote, in which only quote and backslash are
/// special. A quote within it is escaped (RFC 2253 §4) or doubled (Windows).
fn unquote(value: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    loop {
        match rest.next().ok_or("a quote is not closed")? {
            b'\\' => bytes.push(escaped(&mut rest)?),
            b'"' => match rest.next() {
                None => return String::from_utf8(bytes).map_err(|_| NOT_UTF8),
                Some(b'"') => bytes.push(b'"'),
                Some(_) => return Err("text follows the closing quote of the value"),
            },
            byte => bytes.push(byte),
        }
    }
}

/// The byte for a backslash and the next one or two letters.
fn escaped(rest: &mut std::str::Bytes<'_>) -> Result<u8, &'static str> {
    const WHY: &str = "a backslash is followed by neither a special character nor two hexadecimal digits";
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
