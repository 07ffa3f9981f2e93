//! Distinguished names, compared as such: attribute by attribute, not letter by letter (RFC 5280 §7.1, RFC 4517 §4.2.15).
//! Of `caseIgnoreMatch` the part is taken that no two subjects share: case is that of ASCII, and spaces are folded. What
//! Unicode folds beyond it stays apart, because a name proves whose certificate it is.

use std::collections::BTreeSet;

use x509_parser::asn1_rs::{Any, FromDer, Tag};
use x509_parser::x509::X509Name;

/// What a name may be called by instead of its number: those of RFC 4514 §3, and those that client certificates have.
const ATTRIBUTE_TYPES: [(&str, &str); 21] = [
    ("cn", "2.5.4.3"),
    ("sn", "2.5.4.4"),
    ("surname", "2.5.4.4"),
    ("serialnumber", "2.5.4.5"),
    ("c", "2.5.4.6"),
    ("l", "2.5.4.7"),
    ("st", "2.5.4.8"),
    ("street", "2.5.4.9"),
    ("o", "2.5.4.10"),
    ("ou", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("businesscategory", "2.5.4.15"),
    ("postalcode", "2.5.4.17"),
    ("givenname", "2.5.4.42"),
    ("organizationidentifier", "2.5.4.97"),
    ("uid", "0.9.2342.19200300.100.1.1"),
    ("dc", "0.9.2342.19200300.100.1.25"),
    ("emailaddress", "1.2.840.113549.1.9.1"),
    ("jurisdictionlocalityname", "1.3.6.1.4.1.311.60.2.1.1"),
    ("jurisdictionstateorprovincename", "1.3.6.1.4.1.311.60.2.1.2"),
    ("jurisdictioncountryname", "1.3.6.1.4.1.311.60.2.1.3"),
];

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
    /// In whichever string type: without regard to the case of ASCII letters and to repeated spaces.
    Text(String),
    /// What is no text, or none that is certain: the tag and the bytes.
    Other(u32, Vec<u8>),
}

impl DistinguishedName {
    /// A name in the text form of RFC 4514, which begins with the narrowest part. Spaces around its separators are
    /// skipped, as older tools write them. Nothing else is guessed: no quotes, no semicolons, no slashes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rdns = Vec::new();
        for rdn in split(text, ',')? {
            let attributes = split(rdn, '+')?;
            let set: Option<BTreeSet<_>> = attributes.iter().map(|text| Attribute::parse(text)).collect();
            rdns.push(set.filter(|set| set.len() == attributes.len())?);
        }
        rdns.reverse();
        Some(Self(rdns))
    }

    pub(super) fn of(name: &X509Name<'_>) -> Self {
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

impl Attribute {
    fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once('=')?;
        let value = trim(value);
        let value = match value.strip_prefix('#') {
            Some(hex) => {
                let der = bytes_of_hex(hex)?;
                let (rest, any) = Any::from_der(&der).ok()?;
                rest.is_empty().then(|| Value::of(&any))?
            }
            None => Value::Text(comparable(&unescape(value)?)?),
        };
        Some(Self { kind: attribute_type(kind.trim_matches(' '))?, value })
    }
}

impl Value {
    fn of(any: &Any<'_>) -> Self {
        let text = match any.tag() {
            Tag::Utf8String
            | Tag::PrintableString
            | Tag::Ia5String
            | Tag::NumericString
            | Tag::VisibleString => std::str::from_utf8(any.data).ok().map(str::to_owned),
            Tag::BmpString => {
                let (units, rest) = any.data.as_chunks::<2>();
                let units: Vec<_> = units.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
                String::from_utf16(&units).ok().filter(|_| rest.is_empty())
            }
            // Nobody agrees on what the letters of a TeletexString are.
            _ => None,
        };
        match text.as_deref().and_then(comparable) {
            Some(text) => Self::Text(text),
            None => Self::Other(any.tag().0, any.data.to_vec()),
        }
    }
}

/// The text as it is compared. Nothing for a text of spaces alone or one with control characters, about which RFC 4518 says
/// that it matches nothing.
fn comparable(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let words: Vec<_> =
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A number with dots, or a name that stands for one.
fn attribute_type(text: &str) -> Option<String> {
    let name = text.to_ascii_lowercase();
    if let Some((_, number)) = ATTRIBUTE_TYPES.iter().find(|(known, _)| *known == name) {
        return Some((*number).to_owned());
    }
    let number = name.strip_prefix("oid.").unwrap_or(&name);
    let is_arc = |arc: &str| {
        let is_number = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
        is_number && (arc == "0" || !arc.starts_with('0'))
    };
    (number.contains('.') && number.split('.').all(is_arc)).then(|| number.to_owned())
}

/// The parts between separators that are not escaped. Nothing if a character stands there that must be escaped.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' | ';' | '<' | '>' => return None,
            _ if letter == separator => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!is_escaped).then_some(parts)
}

/// Without the spaces around it; one that is escaped belongs to the value.
fn trim(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let ends_in_escape = trimmed.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1;
    if ends_in_escape { &value[..trimmed.len() + 1] } else { trimmed }
}

/// RFC 4514 §3: after a backslash a special character, or two hexadecimal digits for one byte of UTF-8.
fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            special @ (b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b' ' | b'#' | b'=') => {
                bytes.push(special);
            }
            first => {
                let pair = [first, rest.next()?];
                bytes.extend(bytes_of_hex(std::str::from_utf8(&pair).ok()?)?);
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() % 2 == 1 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    /// CAUTH-4-03: RFC 4514 §4 has some of these.
    #[test]
    fn one_name_can_be_written_in_many_ways() {
        for (one, other) in [
            ("CN=Till 7,O=City Bank,C=US", "cn=till 7, o=CITY  bank, c=us"),
            ("CN=Till 7,O=City Bank,C=US", "2.5.4.3=Till 7,OID.2.5.4.10=City Bank,2.5.4.6=US"),
            ("CN=Till\\, 7", "CN=Till\\2C 7"),
            ("CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić"),
            ("CN=Lu\\c4\\8di\\c4\\87", "CN=LUčIć"),
            ("OU=Sales+CN=J. Smith,O=City Bank", "CN=J. Smith+OU=Sales,O=City Bank"),
            ("CN=\\ till\\ ", "CN=till"),
            ("CN=\\#7", "CN=\\237"),
            ("CN=a=b", "CN=a\\=b"),
            // A UTF8String and a PrintableString of the same letters.
            ("CN=till", "CN=#0c0474696c6c"),
            ("CN=till", "CN=#130454494C4C"),
            ("CN=till", "CN=#1e0800740069006c006c"),
            ("1.2.3=#04020102", "1.2.3=#04020102"),
        ] {
            assert_eq!(name(one), name(other), "{one} {other}");
        }
    }

    /// CAUTH-4-03
    #[test]
    fn names_of_others_are_not_this_one() {
        let own = name("CN=Till 7,O=City Bank,C=US");
        for text in [
            "CN=Till 7",
            "O=City Bank,C=US",
            "C=US,O=City Bank,CN=Till 7",
            "CN=Till 7,O=City Bank,C=US,C=US",
            "CN=Till 7+O=City Bank,C=US",
            "CN=Till7,O=City Bank,C=US",
            "OU=Till 7,O=City Bank,C=US",
            "CN=Till 7\\,O\\=City Bank,C=US",
            // What Unicode folds to it.
            "CN=T\u{131}ll 7,O=City Bank,C=US",
            "CN=Till\u{a0}7,O=City Bank,C=US",
            "CN=Till ７,O=City Bank,C=US",
            "CN=Till 7,O=City Ban\u{212a},C=US",
            // Bytes that are no text are no text.
            "CN=#040654696C6C2037,O=City Bank,C=US",
            // A TeletexString.
            "CN=#140654696C6C2037,O=City Bank,C=US",
        ] {
            assert_ne!(name(text), own, "{text}");
        }
    }

    /// A value of at most 127 bytes in DER.
    fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    }

    /// CAUTH-4-03: of the attributes of one part none is left out, and their order does not matter.
    #[test]
    fn a_part_of_several_attributes_is_compared_as_a_whole() {
        // 2.5.4.x, as UTF8String.
        let attribute = |kind: u8, text: &str| {
            der(0x30, &[&[0x06, 0x03, 0x55, 0x04, kind], &der(0x0c, &[text.as_bytes()])])
        };
        let (cn, ou, o) = (attribute(3, "Till 7"), attribute(11, "Sales"), attribute(10, "City Bank"));
        let bytes = der(0x30, &[&der(0x31, &[&o]), &der(0x31, &[&ou, &cn])]);
        let (rest, read) = X509Name::from_der(&bytes).unwrap();
        assert!(rest.is_empty());
        let own = DistinguishedName::of(&read);
        for text in ["CN=Till 7+OU=Sales,O=City Bank", "ou=sales + cn=TILL 7, o=City Bank"] {
            assert_eq!(name(text), own, "{text}");
        }
        for text in [
            "CN=Till 7,O=City Bank",
            "OU=Sales,O=City Bank",
            "CN=Till 7,OU=Sales,O=City Bank",
            "OU=Sales,CN=Till 7,O=City Bank",
            "CN=Till 7+OU=Sales+O=City Bank",
            "O=City Bank,CN=Till 7+OU=Sales",
            "CN=Till 7\\+OU\\=Sales,O=City Bank",
        ] {
            assert_ne!(name(text), own, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_in_this_form_is_refused() {
        for text in [
            "",
            "Till 7",
            "CN",
            "CN=",
            "CN= ",
            "=Till 7",
            "CN=Till 7,",
            ",CN=Till 7",
            "CN=Till 7;O=City Bank",
            "O=\"City, Bank\"",
            "/C=US/CN=Till 7",
            "shoesize=7",
            "2.5.04.3=Till 7",
            "2..3=Till 7",
            "CN=a\\",
            "CN=a\\zz",
            "CN=a\\c4",
            "CN=a\\00",
            "CN=#",
            "CN=#0",
            "CN=#zz",
            "CN=#0c0474696c",
            "CN=#0c0174696c",
            "CN=a+CN=A",
        ] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }
}
