//! The setting that lets a login issuer introduce people, and what is believed of what the issuer says about them.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::base::claims::Claims;
use crate::domain::base::contact::{EmailDomain, PhoneNumber, PhonePrefix, proving_email};

/// The addresses and numbers for which the issuer is the authority: no other person than the one whom it names can have
/// them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewPeople {
    email_domains: Vec<EmailDomain>,
    phone_prefixes: Vec<PhonePrefix>,
}

impl NewPeople {
    /// The person's address in canonical form, if the issuer has verified it and is the authority for its domain.
    pub fn email(&self, claims: Claims<'_>) -> Option<String> {
        let address = verified(claims, "email", "email_verified").and_then(proving_email)?;
        self.email_domains.iter().any(|domain| domain.covers(&address)).then_some(address)
    }

    /// The person's number, if the issuer has verified it and is the authority for its range.
    pub fn phone_number(&self, claims: Claims<'_>) -> Option<PhoneNumber> {
        let number =
            verified(claims, "phone_number", "phone_number_verified").and_then(PhoneNumber::parse)?;
        self.phone_prefixes.iter().any(|prefix| prefix.covers(&number)).then_some(number)
    }
}

/// A claim, if another one is JSON `true`.
fn verified<'c>(claims: Claims<'c>, claim: &str, is_verified: &str) -> Option<&'c str> {
    claims.text(claim).filter(|_| claims.get(is_verified) == Some(&Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule() -> NewPeople {
        let rule = json!({"email_domains": ["example.com"], "phone_prefixes": ["+4420"]});
        serde_json::from_value(rule).unwrap()
    }

    fn email(claims: &Value) -> Option<String> {
        rule().email(Claims(claims.as_object().unwrap()))
    }

    fn number(claims: &Value) -> Option<String> {
        rule().phone_number(Claims(claims.as_object().unwrap())).map(|it| it.expose().to_owned())
    }

    #[test]
    fn both_lists_are_optional_and_other_members_are_refused() {
        for setting in [json!({}), json!({"email_domains": []}), json!({"phone_prefixes": ["+1"]})] {
            assert!(serde_json::from_value::<NewPeople>(setting.clone()).is_ok(), "{setting}");
        }
        for setting in [
            json!({"domains": ["example.com"]}),
            json!({"email_domains": "example.com"}),
            json!({"email_domains": ["example.com."]}),
            json!({"phone_prefixes": ["44"]}),
        ] {
            assert!(serde_json::from_value::<NewPeople>(setting.clone()).is_err(), "{setting}");
        }
    }

    /// RP-3-03, ATK-3-04
    #[test]
    fn what_is_not_verified_as_json_true_is_not_believed() {
        for is_verified in [json!(true), json!("true"), json!(1), json!(false), json!(null), json!([true])] {
            let claims = json!({"email": "alice@example.com", "email_verified": is_verified,
                "phone_number": "+442079460958", "phone_number_verified": is_verified});
            let is_true = is_verified == json!(true);
            assert_eq!((email(&claims).is_some(), number(&claims).is_some()), (is_true, is_true), "{claims}");
        }
        let absent = json!({"email": "alice@example.com", "phone_number": "+442079460958"});
        assert_eq!((email(&absent), number(&absent)), (None, None));
        // One is not the other.
        let crossed = json!({"email": "alice@example.com", "phone_number_verified": true});
        assert_eq!(email(&crossed), None);
    }

    /// ATK-3-04
    #[test]
    fn an_issuer_is_believed_within_its_own_domains_only() {
        let claimed = |address: &str| email(&json!({"email": address, "email_verified": true}));
        assert_eq!(claimed("Alice@Example.COM").as_deref(), Some("alice@example.com"));
        for address in [
            "alice@other.example",
            "alice@mail.example.com",
            "alice@example.com.",
            "alice@example.com@other.example",
            "alice@other.example,alice@example.com",
            "al ice@example.com",
            "alice\n@example.com",
            "\u{212a}ate@example.com",
            "alice@ｅxample.com",
            "alice@example.co\u{217f}",
            "example.com",
            "@example.com",
        ] {
            assert_eq!(claimed(address), None, "{address}");
        }
        assert_eq!(email(&json!({"email": ["alice@example.com"], "email_verified": true})), None);
    }

    /// ATK-7-01
    #[test]
    fn an_issuer_is_believed_within_its_own_numbers_only() {
        let claimed = |text: &str| number(&json!({"phone_number": text, "phone_number_verified": true}));
        assert_eq!(claimed("+44 (0)20 7946 0958").as_deref(), Some("+442079460958"));
        for text in ["+447700900123", "+4402079460958", "442079460958", "+15555550100", "+4420794609;ext=1"] {
            assert_eq!(claimed(text), None, "{text}");
        }
    }
}
