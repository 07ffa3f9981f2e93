//! Hints: whoever is named by one spelling is named by it always.

use ciba::domain::base::contact::{PhoneNumber, canonical_email};
use ciba::domain::hint::subject_identifier;
use ciba::domain::hint::{DirectoryHint, Hint, KnownIssuers, parse};
use ciba::domain::issuer::login_issuer::LoginIssuer;
use serde_json::json;

use crate::text;

const ISSUER: &str = "https://op.example";

/// A `login_hint`, or the `sub_id` of a `login_hint_token`: refused, or in the one form in which the directory knows it.
pub fn hint(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let login = json!({"issuer": "https://login.example", "jwks_uri": "", "algorithms": [],
        "audience": {"claim": "aud", "value": ""}});
    let login: [LoginIssuer; 1] = [serde_json::from_value(login).expect("a login issuer")];
    let issuers = KnownIssuers { own: ISSUER, login: &login };
    let mut hints: Vec<_> = parse(text, issuers).into_iter().collect();
    if let Ok(sub_id) = serde_json::from_str(text) {
        hints.extend(subject_identifier::hints(&sub_id, issuers).into_iter().flatten());
    }
    for hint in hints {
        let Hint::Directory(found) = hint else { continue };
        assert_eq!(DirectoryHint::decode(&found.encode()).as_ref(), Some(&found), "as the table has it");
        assert_eq!(DirectoryHint::new(found.kind(), found.value()).as_ref(), Some(&found), "canonical");
        assert!(!found.value().chars().any(char::is_control), "{:?}", found.value());
    }
    if let Some(number) = PhoneNumber::parse(text) {
        let digits = number.expose().strip_prefix('+').expect("E.164");
        assert!(digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
        let written = text.replacen("(0)", "", 1);
        let written = [text, &written].map(|text| text.chars().filter(char::is_ascii_digit).collect());
        assert!(written.iter().any(|it: &String| it == digits), "other digits than {text:?}: {digits}");
        assert_eq!(PhoneNumber::parse(number.expose()).as_ref(), Some(&number), "canonical");
    }
    if let Some(address) = canonical_email(text) {
        assert_eq!(canonical_email(&address).as_ref(), Some(&address), "canonical");
        assert!(address.eq_ignore_ascii_case(text), "more than ASCII is folded: {text:?}, {address:?}");
    }
}
