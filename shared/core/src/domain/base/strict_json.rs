//! Parses JSON and refuses duplicate member names at any depth: two parsers could read different values from them
//! (RFC 7515 §4, RFC 8259 §4). Numbers keep their digits ([`json_value`](crate::domain::base::json_value)).

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The nesting limit of `serde_json` itself.
const MAX_DEPTH: usize = 128;
/// Prefix of the names that `serde_json` uses internally for numbers and raw values. A member with such a name
/// would be mistaken for one of those when the text is parsed again.
const RESERVED: &str = "$serde_json::private::";

/// The value of a whole text. `None` if the text is not JSON or has a duplicate member name.
pub fn parse(text: &[u8]) -> Option<Value> {
    read(serde_json::from_slice(text).ok()?, 1)
}

/// Parses one level at a time: when a value is parsed directly, a number cannot be told from an object with a
/// [`RESERVED`] name.
fn read(value: &RawValue, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let text = value.get();
    match text.as_bytes().first()? {
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let mut all = Map::new();
            for (name, value) in members {
                let is_repeated = all.insert(name, read(value, depth + 1)?).is_some();
                if is_repeated {
                    return None;
                }
            }
            Some(Value::Object(all))
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            elements.into_iter().map(|value| read(value, depth + 1)).collect::<Option<_>>().map(Value::Array)
        }
        _ => serde_json::from_str(text).ok(),
    }
}

/// All members of an object, in order.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachMember)
    }
}

struct EachMember;

impl<'de> Visitor<'de> for EachMember {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, &RawValue>()? {
            if name.starts_with(RESERVED) {
                return Err(A::Error::custom("a member has a reserved name"));
            }
            all.push((name, value));
        }
        Ok(Members(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_nothing_is_read_as_it_stands() {
        let text = r#" {"a":[1,-2,0.5,"\u00e4",null,true,{"a" : {}}, [] ],"b":18446744073709551615} "#;
        assert_eq!(parse(text.as_bytes()), serde_json::from_str(text).ok());
    }

    /// TOK-7-03
    #[test]
    fn a_number_keeps_its_digits() {
        for number in
            ["100.00", "12345678901234567.89", "18446744073709551616", "-0", "0.10", "1e+999", "-1.50e-7"]
        {
            let text = format!(r#"{{"amount":[{number}]}}"#);
            assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
        }
        for malformed in ["01", "+1", ".5", "1.", "1e", "0x10", "NaN", "Infinity", "--1", "1_000"] {
            assert_eq!(parse(format!("[{malformed}]").as_bytes()), None, "{malformed}");
        }
    }

    /// HYG-3-13: another parser reads these as objects.
    #[test]
    fn an_object_that_looks_like_a_number_of_the_library_is_refused() {
        for text in [
            r#"{"$serde_json::private::Number":"100"}"#,
            r#"[{"a":{"$serde_json::private::Number":"100"}}]"#,
            r#"{"\u0024serde_json::private::Number":"100"}"#,
            r#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#,
            r#"{"a":1,"$serde_json::private::Number":"100"}"#,
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(parse(br#"["$serde_json::private::Number"]"#).is_some(), "as a text it is nothing special");
    }

    /// HYG-3-13
    #[test]
    fn a_member_twice_is_refused_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"sub_id":{"format":"email","email":"a@b.c","email":"d@e.f"}}"#,
            r#"[[{"a":{"b":1,"b":2}}]]"#,
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_one_json_text_is_refused() {
        for text in ["", "{", "{} {}", "{'a':1}", "1e", "NaN", "\"\u{fffe}\"x"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), None, "not UTF-8");
        assert_eq!(parse("[".repeat(10_000).as_bytes()), None, "bottomless");
        let nested = |depth: usize| [r#"{"a":"#.repeat(depth), "1".to_owned(), "}".repeat(depth)].concat();
        assert!(parse(nested(MAX_DEPTH - 1).as_bytes()).is_some());
        assert_eq!(parse(nested(MAX_DEPTH).as_bytes()), None, "too deep");
        assert_eq!(parse(nested(10_000).as_bytes()), None, "much too deep");
    }
}
