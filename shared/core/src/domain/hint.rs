//! `login_hint`: identifies the person whom the client wants authenticated (CIBA §7.1).
//!
//! Published forms:
//!
//! | form | finds |
//! |---|---|
//! | `tel:+15555550100` | the person with this number, in any spelling ([`PhoneNumber::parse`]) |
//! | `email:a@example.com` | the person with this address, ignoring the case of ASCII letters |
//! | `sub:…` | the person with this `sub` at this provider |
//! | `{"format":"iss_sub","iss":"…","sub":"…"}` | the same, or the person whom a login issuer identifies as `sub` |
//! | anything else | the person enrolled under exactly this value |

pub mod id_token_hint;
pub mod subject_identifier;

use serde::Deserialize;

use crate::domain::base::contact::{PhoneNumber, canonical_email};
use crate::domain::base::person_key::PersonKey;
use crate::domain::client::hint_form::HintForm;
use crate::domain::issuer::login_issuer::LoginIssuer;

/// A hint in canonical form, so that different spellings cannot lead to different people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// To be looked up in the directory.
    Directory(DirectoryHint),
    /// Identifies a person by a login issuer's name for them, from which their key is computed without a lookup.
    Login { issuer: String, subject: String, key: PersonKey },
    /// Identifies a person by their key.
    Person(PersonKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKind {
    Plain,
    Tel,
    Email,
    Sub,
}

impl HintKind {
    const ALL: [Self; 4] = [Self::Plain, Self::Tel, Self::Email, Self::Sub];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tel => "tel",
            Self::Email => "email",
            Self::Sub => "sub",
        }
    }
}

/// A kind and a value in canonical form. It is created only by [`DirectoryHint::new`] or, from its stored form,
/// by [`DirectoryHint::decode`].
#[derive(Clone, PartialEq, Eq)]
pub struct DirectoryHint {
    kind: HintKind,
    value: String,
}

impl DirectoryHint {
    /// `None` if the value cannot be of this kind.
    pub fn new(kind: HintKind, value: &str) -> Option<Self> {
        let value = match kind {
            HintKind::Tel => PhoneNumber::parse(value)?.expose().to_owned(),
            HintKind::Email => canonical_email(value)?,
            HintKind::Plain | HintKind::Sub => value.to_owned(),
        };
        Self::of(kind, value)
    }

    fn of(kind: HintKind, value: String) -> Option<Self> {
        let fits = (1..=MAX_BYTES).contains(&value.len()) && !value.chars().any(char::is_control);
        fits.then_some(Self { kind, value })
    }

    /// Kind and value in one text, as stored in the table: `tel#+15555550100`.
    pub fn encode(&self) -> String {
        format!("{}#{}", self.kind.as_str(), self.value)
    }

    /// Reads a stored hint. Its value is already in canonical form, by the rule that applied when it was stored.
    pub fn decode(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once('#')?;
        let kind = HintKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        match kind {
            HintKind::Tel => Self::of(kind, PhoneNumber::from_stored(value)?.expose().to_owned()),
            HintKind::Email | HintKind::Plain | HintKind::Sub => Self::new(kind, value),
        }
    }

    pub fn kind(&self) -> HintKind {
        self.kind
    }

    pub fn value(&self) -> &str {
        &self.value
    }
}

impl std::fmt::Debug for DirectoryHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DirectoryHint({}, …)", self.kind.as_str())
    }
}

/// The longest hint. Unit: bytes.
pub const MAX_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintError {
    /// The hint does not have any of the published forms.
    Malformed(&'static str),
    /// The hint is well-formed but cannot identify anybody here.
    NamesNobody,
}

/// The form that Auth0's SDKs send (RFC 9493 §3.2.3, with `format` instead of a header).
#[derive(Deserialize)]
struct IssSub {
    format: String,
    iss: String,
    sub: String,
}

/// The issuers whose identifiers for people are known here: this provider and the login issuers.
#[derive(Clone, Copy)]
pub struct KnownIssuers<'a> {
    pub own: &'a str,
    pub login: &'a [LoginIssuer],
}

impl Hint {
    /// A value to be looked up in the directory.
    pub fn directory(kind: HintKind, value: &str) -> Result<Self, HintError> {
        DirectoryHint::new(kind, value)
            .map(Self::Directory)
            .ok_or(HintError::Malformed("the value of the hint does not match its kind"))
    }

    /// The person whom `iss` identifies as `sub`.
    pub fn iss_sub(iss: &str, sub: &str, issuers: KnownIssuers<'_>) -> Result<Self, HintError> {
        let named = without_slash(iss);
        if named == without_slash(issuers.own) {
            return Self::directory(HintKind::Sub, sub);
        }
        // The key is computed from the issuer as configured, so a person has one key, with or without the slash.
        // If two issuers differ only in the slash, an exact match comes first.
        let called = |known: &&LoginIssuer| known.issuer == iss;
        let meant = |known: &&LoginIssuer| without_slash(&known.issuer) == named;
        let known = issuers.login.iter().find(called).or_else(|| issuers.login.iter().find(meant));
        let login = |known: &LoginIssuer| {
            Some(Self::Login {
                issuer: known.issuer.clone(),
                subject: sub.to_owned(),
                key: known.person_key(sub)?,
            })
        };
        known.and_then(login).ok_or(HintError::NamesNobody)
    }
}

/// Reads a `login_hint`.
pub fn parse(text: &str, issuers: KnownIssuers<'_>) -> Result<Hint, HintError> {
    if text.len() > MAX_BYTES {
        return Err(HintError::Malformed("login_hint is longer than 512 bytes"));
    }
    match HintForm::of_login_hint(text) {
        (HintForm::Tel, value) => Hint::directory(HintKind::Tel, value),
        (HintForm::Email, value) => Hint::directory(HintKind::Email, value),
        (HintForm::Sub, value) => Hint::directory(HintKind::Sub, value),
        (HintForm::IssSub, json) => {
            let hint: IssSub = serde_json::from_str(json)
                .ok()
                .filter(|hint: &IssSub| hint.format == "iss_sub")
                .ok_or(HintError::Malformed("login_hint in JSON must have format=iss_sub, iss and sub"))?;
            Hint::iss_sub(&hint.iss, &hint.sub, issuers)
        }
        (HintForm::Plain | HintForm::IdTokenHint | HintForm::LoginHintToken, value) => {
            DirectoryHint::new(HintKind::Plain, value)
                .map(Hint::Directory)
                .ok_or(HintError::Malformed("login_hint has control characters"))
        }
    }
}

fn without_slash(issuer: &str) -> &str {
    issuer.strip_suffix('/').unwrap_or(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://op.example";
    const LOGIN: &str = "https://login.example/";

    fn read(text: &str) -> Result<Hint, HintError> {
        let login = serde_json::json!({
            "issuer": LOGIN, "jwks_uri": "", "audience": { "claim": "aud", "value": "" }, "algorithms": [],
        });
        let login = [serde_json::from_value(login).unwrap()];
        parse(text, KnownIssuers { own: ISSUER, login: &login })
    }

    fn named(issuer: &str) -> Hint {
        Hint::Login { issuer: issuer.to_owned(), subject: "7".to_owned(), key: PersonKey::new(issuer, "7") }
    }

    fn found(kind: HintKind, value: &str) -> Result<Hint, HintError> {
        Ok(Hint::Directory(DirectoryHint { kind, value: value.to_owned() }))
    }

    /// ATK-3-04
    #[test]
    fn spellings_of_one_person_are_one_hint() {
        assert_eq!(read("tel:+1 (555) 555-0100"), found(HintKind::Tel, "+15555550100"));
        assert_eq!(read("TEL:+15555550100"), found(HintKind::Tel, "+15555550100"));
        assert_eq!(read("email:Alice@Example.COM"), found(HintKind::Email, "alice@example.com"));
        assert_eq!(read("sub:Alice"), found(HintKind::Sub, "Alice"));
        assert_eq!(read("Alice 7"), found(HintKind::Plain, "Alice 7"));
    }

    #[test]
    fn auth0_hints_match_with_and_without_a_trailing_slash() {
        for iss in ["https://op.example", "https://op.example/"] {
            let text = format!(r#"{{"format":"iss_sub","iss":"{iss}","sub":"auth0|7"}}"#);
            assert_eq!(read(&text), found(HintKind::Sub, "auth0|7"));
        }
    }

    #[test]
    fn auth0_hints_name_the_people_of_a_login_issuer_by_one_key() {
        for iss in ["https://login.example", "https://login.example/"] {
            let text = format!(r#"{{"format":"iss_sub","iss":"{iss}","sub":"7"}}"#);
            assert_eq!(read(&text), Ok(named(LOGIN)));
        }
    }

    /// ATK-3-04
    #[test]
    fn two_issuers_that_differ_by_a_slash_are_two() {
        let issuer = |issuer: &str| {
            let login = serde_json::json!({
                "issuer": issuer, "jwks_uri": "", "audience": { "claim": "aud", "value": "" }, "algorithms": [],
            });
            serde_json::from_value(login).unwrap()
        };
        let (one, two) = ("https://login.example", "https://login.example/");
        for login in [[issuer(one), issuer(two)], [issuer(two), issuer(one)]] {
            let issuers = KnownIssuers { own: ISSUER, login: &login };
            for iss in [one, two] {
                assert_eq!(Hint::iss_sub(iss, "7", issuers), Ok(named(iss)));
            }
        }
    }

    #[test]
    fn a_hint_of_a_foreign_issuer_names_nobody() {
        let text = r#"{"format":"iss_sub","iss":"https://evil.example","sub":"7"}"#;
        assert_eq!(read(text), Err(HintError::NamesNobody));
    }

    /// CIBA-7.2-06
    #[test]
    fn malformed_hints_are_told_from_unknown_people() {
        for text in [
            "tel:0815",
            "tel:",
            "email:alice",
            "email:a@b@c.d",
            "sub:",
            "a\nb",
            "{",
            r#"{"format":"email","iss":"i","sub":"s"}"#,
            r#"{"format":"iss_sub","iss":"i"}"#,
            r#"{"format":"iss_sub","iss":"i","sub":"s","sub":"t"}"#,
            &"x".repeat(MAX_BYTES + 1),
        ] {
            assert!(matches!(read(text), Err(HintError::Malformed(_))), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_hints_round_trip(text in "\\PC{0,40}|(tel:|email:|sub:|\\{).{0,40}") {
            if let Ok(Hint::Directory(hint)) = read(&text) {
                proptest::prop_assert_eq!(DirectoryHint::decode(&hint.encode()), Some(hint));
            }
        }
    }
}
