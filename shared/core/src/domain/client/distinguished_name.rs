//! Distinguished names, compared as such: attribute by attribute, not letter by letter (RFC 5280 §7.1, RFC 4517 §4.2.15).
//! Of `caseIgnoreMatch` the part is taken that no two subjects share: case is that of ASCII, and spaces are folded. What
//! Unicode folds beyond it stays apart, because a name proves whose certificate it is.

mod attribute_type;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// A name as a certificate has it: sets of attributes, from the widest to the narrowest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<BTreeSet<Attribute>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    /// An object identifier with dots.
    kind: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// In whichever string type: without regard to the case of ASCII letters and to repeated spaces. Empty if it is empty or
    /// of spaces alone, which are the same (RFC 4518 §2.6.1).
    Text(String),
    /// What is not text, or not certain to be: the tag and the bytes.
    Other(u32, Vec<u8>),
}

/// Why a text is not a distinguished name, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFlaw {
    /// The part that it is about, as it was written.
    part: String,
    why: &'static str,
}

impl NameFlaw {
    fn new(part: &str, why: &'static str) -> Self {
        Self { part: part.to_owned(), why }
    }
}

impl fmt::Display for NameFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in the part \"{}\" {}", self.part, self.why)
    }
}

impl DistinguishedName {
    pub(crate) fn of(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_rdn().map(|rdn| {
            let each = rdn.iter().map(|attribute| Attribute {
                kind: attribute.attr_type().to_id_string(),
                value: Value::of(attribute.attr_value()),
            });
            each.collect()
        });
        Self(attributes.collect())
    }
}

impl Value {
    fn of(any: &Any<'_>) -> Self {
        match letters(any).as_deref().and_then(comparable) {
            Some(text) => Self::Text(text),
            None => Self::Other(any.tag().0, any.data.to_vec()),
        }
    }
}

/// The text in a value. `None` for what is not text.
///
/// A type of one byte per letter is read as Latin-1, as OpenSSL, Java and Windows read it, also where the type allows
/// less: what an operator sees of a certificate is then what is compared.
fn letters(any: &Any<'_>) -> Option<String> {
    match any.tag() {
        Tag::Utf8String => std::str::from_utf8(any.data).ok().map(str::to_owned),
        Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::TeletexString
        | Tag::UtcTime
        | Tag::GeneralizedTime => Some(any.data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (units, rest) = any.data.as_chunks::<2>();
            let units: Vec<_> = units.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (units, rest) = any.data.as_chunks::<4>();
            let letters = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            letters.collect::<Option<String>>().filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// The text as it is compared. `None` for one with control characters, of which RFC 4518 says less than one would like:
/// those are compared as bytes.
fn comparable(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let words = text.split(' ').filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
    Some(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
