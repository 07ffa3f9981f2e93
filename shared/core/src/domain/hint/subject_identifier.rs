//! Subject Identifiers (RFC 9493): how a hint token identifies a person.
//!
//! | `format` | finds |
//! |---|---|
//! | `iss_sub` | the person whom `iss` identifies as `sub`, as in a `login_hint` |
//! | `email`, `phone_number` | the person enrolled with this address or number, in any spelling |
//! | `opaque` | the person enrolled under exactly this `id` |
//! | `aliases` | the person found by the first of its identifiers (at most [`MAX_ALIASES`]) that finds one |

use serde_json::Value;

use crate::domain::base::claims::Claims;
use crate::domain::hint::{Hint, HintError, HintKind, KnownIssuers};

/// The most identifiers in `aliases`. Each may cost a lookup.
pub const MAX_ALIASES: usize = 4;

const MALFORMED: HintError = HintError::Malformed("sub_id is not a Subject Identifier of RFC 9493");
const UNKNOWN_FORMAT: HintError = HintError::Malformed("sub_id has an unsupported format");

/// The hints for an identifier, in the order in which to try them.
pub fn hints(sub_id: &Value, issuers: KnownIssuers<'_>) -> Result<Vec<Hint>, HintError> {
    if sub_id.get("format").and_then(Value::as_str) != Some("aliases") {
        return Ok(vec![hint(sub_id, issuers)?]);
    }
    let identifiers = sub_id.get("identifiers").and_then(Value::as_array).ok_or(MALFORMED)?;
    if !(1..=MAX_ALIASES).contains(&identifiers.len()) {
        return Err(HintError::Malformed("sub_id has no identifiers, or more than four"));
    }
    let mut hints = Vec::new();
    let mut last = UNKNOWN_FORMAT;
    for identifier in identifiers {
        match hint(identifier, issuers) {
            Ok(hint) => hints.push(hint),
            // It may be meant for another consumer of the token.
            Err(passed_over) if [UNKNOWN_FORMAT, HintError::NamesNobody].contains(&passed_over) => {
                last = passed_over;
            }
            Err(malformed) => return Err(malformed),
        }
    }
    if hints.is_empty() { Err(last) } else { Ok(hints) }
}

/// The hint for one identifier, which has the members of its format and no others (RFC 9493 §3).
fn hint(identifier: &Value, issuers: KnownIssuers<'_>) -> Result<Hint, HintError> {
    let members = identifier.as_object().ok_or(MALFORMED)?;
    let claims = Claims(members);
    let text = |name: &str| claims.text(name).ok_or(MALFORMED);
    let (count, hint) = match text("format")? {
        "iss_sub" => (3, Hint::iss_sub(text("iss")?, text("sub")?, issuers)),
        "email" => (2, Hint::directory(HintKind::Email, text("email")?)),
        "phone_number" => (2, Hint::directory(HintKind::Tel, text("phone_number")?)),
        "opaque" => (2, Hint::directory(HintKind::Plain, text("id")?)),
        "aliases" => return Err(MALFORMED),
        _ => return Err(UNKNOWN_FORMAT),
    };
    if members.len() == count { hint } else { Err(MALFORMED) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::base::person_key::PersonKey;

    const LOGIN: &str = "https://login.example";

    fn read(sub_id: Value) -> Result<Vec<Hint>, HintError> {
        let login = [serde_json::from_value(json!({
            "issuer": LOGIN, "jwks_uri": "", "audience": { "claim": "aud", "value": "" }, "algorithms": [],
        }))
        .unwrap()];
        hints(&sub_id, KnownIssuers { own: "https://op.example", login: &login })
    }

    fn found(kind: HintKind, value: &str) -> Hint {
        Hint::directory(kind, value).unwrap()
    }

    /// ATK-3-04
    #[test]
    fn each_format_becomes_the_hint_that_a_login_hint_would_be() {
        for (sub_id, hint) in [
            (
                json!({"format": "email", "email": "Alice@Example.COM"}),
                found(HintKind::Email, "alice@example.com"),
            ),
            (
                json!({"format": "phone_number", "phone_number": "+1 (555) 555-0100"}),
                found(HintKind::Tel, "+15555550100"),
            ),
            (json!({"format": "opaque", "id": "4711 0815"}), found(HintKind::Plain, "4711 0815")),
            (
                json!({"format": "iss_sub", "iss": "https://op.example/", "sub": "alice"}),
                found(HintKind::Sub, "alice"),
            ),
            (
                json!({"format": "iss_sub", "iss": LOGIN, "sub": "7"}),
                Hint::Login {
                    issuer: LOGIN.to_owned(),
                    subject: "7".to_owned(),
                    key: PersonKey::new(LOGIN, "7"),
                },
            ),
        ] {
            assert_eq!(read(sub_id.clone()), Ok(vec![hint]), "{sub_id}");
        }
    }

    #[test]
    fn aliases_are_tried_in_order_and_unknown_ones_skipped() {
        let sub_id = json!({"format": "aliases", "identifiers": [
            {"format": "account", "uri": "acct:alice@example.com"},
            {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "7"},
            {"format": "phone_number", "phone_number": "+15555550100"},
            {"format": "email", "email": "alice@example.com"},
        ]});
        let expected =
            vec![found(HintKind::Tel, "+15555550100"), found(HintKind::Email, "alice@example.com")];
        assert_eq!(read(sub_id), Ok(expected));
    }

    #[test]
    fn a_name_of_nobody_here_is_told_from_a_malformed_one() {
        let elsewhere = json!({"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "7"});
        assert_eq!(read(elsewhere.clone()), Err(HintError::NamesNobody));
        assert_eq!(
            read(json!({"format": "aliases", "identifiers": [elsewhere]})),
            Err(HintError::NamesNobody)
        );
        let email = json!({"format": "email", "email": "a@b.c"});
        for sub_id in [
            json!("alice"),
            json!({}),
            json!({"format": "email"}),
            json!({"format": "email", "email": "alice"}),
            json!({"format": "email", "email": ["a@b.c"]}),
            json!({"format": "email", "email": "a@b.c", "sub": "alice"}),
            json!({"format": "Email", "email": "a@b.c"}),
            json!({"format": "phone_number", "phone_number": "0815"}),
            json!({"format": "opaque", "id": ""}),
            json!({"format": "account", "uri": "acct:alice@example.com"}),
            json!({"format": "aliases", "identifiers": []}),
            json!({"format": "aliases", "identifiers": email}),
            json!({"format": "aliases", "identifiers": [email, email, email, email, email]}),
            json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [email]}]}),
            json!({"format": "aliases", "identifiers": [email, {"format": "email", "email": "alice"}]}),
            json!({"format": "aliases", "identifiers": [{"format": "did", "url": "did:example:1"}]}),
        ] {
            assert!(matches!(read(sub_id.clone()), Err(HintError::Malformed(_))), "{sub_id}");
        }
    }
}
