//! Distinguished names, compared attribute by attribute instead of letter by letter (RFC 5280 §7.1,
//! RFC 4517 §4.2.15). `caseIgnoreMatch` is implemented only as far as it is safe: ASCII case and repeated spaces
//! are ignored. Other letters that Unicode folds together remain different, because the name identifies the owner
//! of a certificate.

mod attribute_type;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// A name as it is in a certificate: sets of attributes, from the most general to the most specific.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<BTreeSet<Attribute>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    /// An object identifier in dotted form.
    kind: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// Text of any string type, with ASCII letters in lower case and repeated spaces reduced to one. A value that
    /// consists of spaces is equal to an empty one (RFC 4518 §2.6.1).
    Text(String),
    /// A value that is not text, or may not be: the tag and the bytes.
    Other(u32, Vec<u8>),
}

/// Why a text is not a distinguished name, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFlaw {
    /// The part with the flaw, as it was written.
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
        write!(f, "in \"{}\": {}", self.part, self.why)
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

/// The text in a value. `None` if it is not text.
///
/// String types with one byte per letter are read as Latin-1, even if the type allows fewer characters. OpenSSL,
/// Java and Windows do the same, so the name that is compared is the name that an operator sees.
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

/// The text in the form that is compared. `None` if it has control characters: RFC 4518 does not fully define how
/// to treat them, so such values are compared as bytes.
fn comparable(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let words = text.split(' ').filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
    Some(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
