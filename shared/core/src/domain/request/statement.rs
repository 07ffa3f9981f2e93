//! The statement: the content of the person's screen, and the challenge for the passkey that covers it.
//! `verify/webauthn.rs` verifies the signature.
//!
//! `shown` = SHA-256(tag ‖ statement). `challenge` = SHA-256(tag ‖ shown ‖ selected scope ‖ decision), where the
//! scope and the decision are each preceded by their length. The page gets only `shown`. Because the statement
//! includes the request's nonce, the person cannot be derived from `shown`. So the page can add the selection
//! without another request, and the passkey also signs the data that the page never sees.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::request_key::RequestKey;
use crate::domain::base::time::Timestamp;
use crate::domain::details::authorization_details::DetailWords;
use crate::domain::details::request_context::RequestContext;
use crate::domain::details::row::Row;
use crate::domain::request::decision::DecisionWord;

/// The tags distinguish the three hashes from each other and from anything else that is signed.
const SHOWN: &[u8] = b"ciba shown 1\0";
const DECISION: &[u8] = b"ciba decision 1\0";
const FORM: &[u8] = b"ciba form 1\0";

/// 16 random bytes of a request, which neither the client nor the page gets.
///
/// # Security
/// It prevents challenges from being guessed or used for another request, and the page's form token is derived
/// from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The token that the page's form sends back. It proves that the form comes from this page and was not
    /// submitted by another site (CSRF) or by software that opens links.
    pub fn form_token(&self, request: &RequestKey) -> String {
        let hash = sha256(&[FORM, &self.0, request.as_bytes()]);
        URL_SAFE_NO_PAD.encode(&hash[..16])
    }

    pub fn accepts(&self, form_token: &str, request: &RequestKey) -> bool {
        verify_slices_are_equal(self.form_token(request).as_bytes(), form_token.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(…)")
    }
}

/// Everything that was on the screen, and for which person. Its text is kept byte for byte as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub nonce: String,
    pub request: String,
    pub person: String,
    pub client_id: String,
    pub client_name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub binding_message: Option<String>,
    pub scope: Vec<ScopeShown>,
    /// The APIs that the tokens are for. Empty: the client's default.
    pub resources: Vec<String>,
    /// The requested `authorization_details`: each object and its words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorization_details: Vec<DetailShown>,
    /// The client's information about the origin of the request: the object, and the rows that were shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_context: Option<ContextShown>,
    /// Unit: milliseconds since the epoch.
    pub asked_at: i64,
    pub language: String,
    /// The version of the page's texts and layout.
    pub template: String,
}

/// A scope value, and its words on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeShown {
    pub value: String,
    pub words: String,
    /// Whether it could not be deselected.
    pub required: bool,
}

/// An object of `authorization_details`, and its words on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailShown {
    pub value: Value,
    pub words: DetailWords,
    /// The scope value together with which the entry was selected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
}

/// The client's `request_context`, and its rows on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextShown {
    pub value: RequestContext,
    pub rows: Vec<Row>,
}

impl Statement {
    /// The text of a statement: members in a fixed order, without whitespace.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The values of `selected`, in the order in which they were shown.
    pub fn in_order(&self, selected: impl Fn(&str) -> bool) -> String {
        let values = self.scope.iter().map(|shown| shown.value.as_str()).filter(|value| selected(value));
        values.collect::<Vec<_>>().join(" ")
    }

    pub fn asked_at(&self) -> Timestamp {
        Timestamp::from_millis(self.asked_at)
    }
}

/// The digest of a statement's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown([u8; 32]);

impl Shown {
    pub fn of(statement: &str) -> Self {
        Self(sha256(&[SHOWN, statement.as_bytes()]))
    }

    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The challenge for the passkey: it covers this statement, the selected scope and the decision.
    pub fn challenge(&self, scope: &str, word: DecisionWord) -> [u8; 32] {
        let word = word.as_str();
        // The lengths distinguish (ab, c) from (a, bc).
        sha256(&[DECISION, &self.0, &length(scope), scope.as_bytes(), &length(word), word.as_bytes()])
    }
}

fn length(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let shown = |value: &str, required| ScopeShown {
            value: value.to_owned(),
            words: format!("words for {value}"),
            required,
        };
        Statement {
            nonce: "bm9uY2U".to_owned(),
            request: "r".repeat(22),
            person: "p".repeat(22),
            client_id: "kiosk".to_owned(),
            client_name: "City Kiosk".to_owned(),
            binding_message: Some("K7-2931".to_owned()),
            scope: vec![shown("openid", true), shown("profile", false), shown("email", false)],
            resources: vec!["https://api.example".to_owned()],
            authorization_details: vec![DetailShown {
                value: serde_json::json!({"type": "payment", "amount": "100"}),
                words: DetailWords {
                    title: "A payment".to_owned(),
                    headline: None,
                    amount: None,
                    rows: vec![Row { label: "Amount".to_owned(), value: "100 EUR".to_owned() }],
                },
                scope: None,
            }],
            request_context: Some(ContextShown {
                value: RequestContext::parse(r#"{"country": "DE"}"#).unwrap(),
                rows: vec![Row { label: "country".to_owned(), value: "DE".to_owned() }],
            }),
            asked_at: 1_800_000_000_000,
            language: "en".to_owned(),
            template: "1".to_owned(),
        }
    }

    fn challenge(statement: &Statement) -> [u8; 32] {
        Shown::of(&statement.encode()).challenge("openid profile", DecisionWord::Approve)
    }

    /// ATK-1-08
    #[test]
    fn each_member_of_the_statement_is_part_of_the_challenge() {
        let original = serde_json::to_value(statement()).unwrap();
        let mut seen = vec![challenge(&statement())];
        for name in original.as_object().unwrap().keys() {
            let mut changed = original.clone();
            let value = &original[name];
            changed[name] = match value {
                Value::String(text) => format!("{text}x").into(),
                Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
                Value::Object(_) => Value::Null,
                Value::Null | Value::Bool(_) | Value::Array(_) => serde_json::json!([]),
            };
            let changed = challenge(&serde_json::from_value(changed).unwrap());
            assert!(!seen.contains(&changed), "{name}");
            seen.push(changed);
        }
        let mut reworded = statement();
        reworded.scope[1].words.push('x');
        assert!(!seen.contains(&challenge(&reworded)), "the words of a scope value");
        // TOK-7-03: the object and its words are covered separately.
        let mut other = statement();
        other.authorization_details[0].value["amount"] = "1000".into();
        assert!(!seen.contains(&challenge(&other)), "an object");
        let mut other = statement();
        other.authorization_details[0].words.rows[0].value.push('0');
        assert!(!seen.contains(&challenge(&other)), "the words of an object");
        let mut other = statement();
        other.authorization_details[0].scope = Some("profile".to_owned());
        assert!(!seen.contains(&challenge(&other)), "the scope value that goes with an object");
        let mut other = statement();
        other.request_context.as_mut().unwrap().rows.clear();
        assert!(!seen.contains(&challenge(&other)), "what was readable of the context");
    }

    /// ATK-1-08, ATK-8-05
    #[test]
    fn the_challenge_covers_the_selected_scope_and_the_decision() {
        let shown = Shown::of(&statement().encode());
        let of = |scope: &str, word| shown.challenge(scope, word);
        let approved = of("openid profile", DecisionWord::Approve);
        assert_ne!(approved, of("openid", DecisionWord::Approve));
        assert_ne!(approved, of("openid profile", DecisionWord::Report));
        assert_ne!(of("openid approve", DecisionWord::Deny), of("openid", DecisionWord::Approve));
    }

    /// The page's script computes the same; its own test expects the same value.
    #[test]
    fn the_challenge_of_a_known_statement_has_a_known_value() {
        let shown = Shown([7; 32]);
        let challenge = URL_SAFE_NO_PAD.encode(shown.challenge("openid profile", DecisionWord::Approve));
        assert_eq!(challenge, "xQ9pcMVreqZETQ2lzwhl0JZxHoGxeO7EkGhPk1vOG_M");
    }

    #[test]
    fn a_statement_reads_back_from_its_text() {
        assert_eq!(Statement::decode(&statement().encode()), Some(statement()));
        assert_eq!(Statement::decode("{}"), None);
    }

    #[test]
    fn the_selection_has_the_order_of_the_screen() {
        let selected = ["email", "openid", "payments"];
        assert_eq!(statement().in_order(|value| selected.contains(&value)), "openid email");
    }

    /// ATK-7-02
    #[test]
    fn a_form_token_is_good_for_its_request_only() {
        let (one, other) = (RequestKey::from_bytes([1; 16]), RequestKey::from_bytes([2; 16]));
        let nonce = Nonce::from_bytes([3; 16]);
        assert!(nonce.accepts(&nonce.form_token(&one), &one));
        assert!(!nonce.accepts(&nonce.form_token(&one), &other));
        assert!(!Nonce::from_bytes([4; 16]).accepts(&nonce.form_token(&one), &one));
        assert!(!nonce.accepts("", &one));
    }

    /// HYG-5-01
    #[test]
    fn debug_output_shows_no_nonce() {
        assert!(!format!("{:?}", Nonce::from_bytes([77; 16])).contains("77"));
    }
}
