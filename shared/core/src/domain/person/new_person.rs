//! A person whom a login issuer introduces: their first login on their own place registers them.

use serde_json::{Map, Value, json};

use crate::domain::base::claims::Claims;
use crate::domain::base::contact::PhoneNumber;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::plain_text::{self, Kind};
use crate::domain::hint::{DirectoryHint, HintKind};
use crate::domain::issuer::login_issuer::LoginIssuer;
use crate::domain::person::channel::Channel;
use crate::domain::person::sms::SmsCountries;
use crate::domain::person::{Person, Subject};

const NAMES: [&str; 3] = ["name", "given_name", "family_name"];
/// The longest `locale`, as RFC 5646 §4.4.1 recommends to allow. Unit: bytes.
const MAX_LOCALE: usize = 35;

/// What is kept of what the issuer says about the person. All else in the ID token is ignored.
pub struct NewPerson {
    key: PersonKey,
    sub: Subject,
    profile: Map<String, Value>,
    /// Verified by the authority for its domain.
    email: Option<DirectoryHint>,
    /// Verified by the authority for its range.
    phone_number: Option<PhoneNumber>,
}

impl NewPerson {
    /// The person whom the issuer calls `subject`, from the claims of a verified ID token. `None` if its settings do not
    /// let it introduce anybody. `random` becomes their `sub`: the issuer's could be anybody's here.
    pub fn introduced(
        issuer: &LoginIssuer,
        subject: &str,
        claims: &Map<String, Value>,
        random: [u8; 16],
    ) -> Option<Self> {
        let rule = issuer.browser.as_ref()?.new_people.as_ref()?;
        let key = issuer.person_key(subject)?;
        let claims = Claims(claims);
        let names = NAMES.iter().map(|&claim| (claim, claims.text(claim).filter(|text| is_name(text))));
        let locale = ("locale", claims.text("locale").filter(|text| is_locale(text)));
        let kept = names.chain([locale]).filter_map(|(claim, text)| Some((claim.to_owned(), text?.into())));
        Some(Self {
            key,
            sub: Subject::new(random),
            profile: kept.collect(),
            email: rule.email(claims).and_then(|address| DirectoryHint::new(HintKind::Email, &address)),
            phone_number: rule.phone_number(claims),
        })
    }

    pub fn key(&self) -> &PersonKey {
        &self.key
    }

    /// Drops the addresses and numbers that lead to somebody else already: they are not known to be this person's.
    pub fn drop_contacts(&mut self, taken: &[DirectoryHint]) {
        self.email.take_if(|email| taken.contains(email));
        let tel = self.tel();
        self.phone_number.take_if(|_| tel.is_some_and(|tel| taken.contains(&tel)));
    }

    /// The entry in the directory. Its number is a channel if an SMS may be sent there.
    pub fn entry(&self, countries: &SmsCountries) -> Person {
        let sub = DirectoryHint::new(HintKind::Sub, self.sub.as_str());
        let mut claims = self.profile.clone();
        if let Some(email) = &self.email {
            claims.extend([
                ("email".to_owned(), json!(email.value())),
                ("email_verified".to_owned(), true.into()),
            ]);
        }
        if let Some(number) = &self.phone_number {
            claims.insert("phone_number".to_owned(), number.expose().into());
            claims.insert("phone_number_verified".to_owned(), true.into());
        }
        let number = self.phone_number.iter().filter(|number| countries.allow(number));
        Person {
            key: self.key.clone(),
            sub: self.sub.clone(),
            active: true,
            hints: self.email.iter().cloned().chain(self.tel()).chain(sub).collect(),
            channels: number.cloned().map(Channel::Sms).collect(),
            claims,
            user_code: None,
            resolved: None,
        }
    }

    fn tel(&self) -> Option<DirectoryHint> {
        self.phone_number.as_ref().and_then(|number| DirectoryHint::new(HintKind::Tel, number.expose()))
    }
}

/// People choose their names, and clients show them: the rule is the one for all texts of others.
fn is_name(text: &str) -> bool {
    plain_text::fits(text) && plain_text::check(text, Kind::Name).is_ok()
}

/// Of the characters of a language tag (RFC 5646), or with an underscore as some issuers write it (OIDC Core §5.1).
fn is_locale(text: &str) -> bool {
    (1..=MAX_LOCALE).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(new_people: &Value) -> LoginIssuer {
        let browser = json!({"client_id": "page", "label": "acme", "name": "Acme", "new_people": new_people});
        let issuer = json!({"issuer": "https://login.example", "jwks_uri": "", "algorithms": [], "browser": browser,
            "audience": {"claim": "aud", "value": ""}});
        serde_json::from_value(issuer).unwrap()
    }

    fn introduced(claims: &Value) -> NewPerson {
        let issuer = issuer(&json!({"email_domains": ["example.com"], "phone_prefixes": ["+44", "+1555"]}));
        NewPerson::introduced(&issuer, "7", claims.as_object().unwrap(), [7; 16]).unwrap()
    }

    fn entry(claims: &Value) -> Person {
        introduced(claims).entry(&SmsCountries::parse("+44").unwrap())
    }

    fn full() -> Value {
        json!({"sub": "7", "name": "Alice Meyer", "given_name": "Alice", "family_name": "O'Neill-Müller",
            "locale": "en-GB", "email": "Alice@Example.com", "email_verified": true,
            "phone_number": "+44 (0)20 7946 0958", "phone_number_verified": true,
            "picture": "https://evil.example/", "roles": ["admin"], "address": {}})
    }

    fn hints(person: &Person) -> Vec<String> {
        person.hints.iter().map(DirectoryHint::encode).collect()
    }

    #[test]
    fn a_new_person_has_what_the_issuer_may_say_and_nothing_else() {
        let person = entry(&full());
        assert_eq!(
            Value::Object(person.claims.clone()),
            json!({"name": "Alice Meyer", "given_name": "Alice", "family_name": "O'Neill-Müller",
                "locale": "en-GB", "email": "alice@example.com", "email_verified": true,
                "phone_number": "+442079460958", "phone_number_verified": true})
        );
        let sub = "BwcHBwcHBwcHBwcHBwcHBw";
        assert_eq!(hints(&person), ["email#alice@example.com", "tel#+442079460958", &format!("sub#{sub}")]);
        assert_eq!(person.channels, [Channel::parse("sms", "+442079460958").unwrap()]);
        assert_eq!((person.sub.as_str(), person.active, person.user_code.is_none()), (sub, true, true));
    }

    /// ATK-3-04: by issuer and subject, whatever address they have.
    #[test]
    fn a_new_person_is_found_by_issuer_and_subject() {
        let claims = full();
        let claims = claims.as_object().unwrap();
        assert_eq!(introduced(&full()).key(), &PersonKey::new("https://login.example", "7"));
        assert!(NewPerson::introduced(&issuer(&Value::Null), "7", claims, [7; 16]).is_none(), "not allowed");
        let without_hints = NewPerson::introduced(&issuer(&json!({})), "8", claims, [7; 16]).unwrap();
        assert_eq!(without_hints.key(), &PersonKey::new("https://login.example", "8"));
        assert_eq!(without_hints.entry(&SmsCountries::parse("*").unwrap()).hints.len(), 1);
    }

    /// ATK-3-04: not even as a claim, which would tell clients that the address is verified.
    #[test]
    fn what_is_not_believed_is_not_kept() {
        let mut claims = full();
        claims["email_verified"] = "true".into();
        claims["phone_number"] = "+390669820000".into();
        let person = entry(&claims);
        let names: Vec<_> = person.claims.keys().map(String::as_str).collect();
        assert_eq!(names, ["family_name", "given_name", "locale", "name"]);
        assert!(hints(&person).len() == 1 && person.channels.is_empty());
    }

    /// ATK-7-01
    #[test]
    fn a_number_where_no_sms_may_go_is_no_channel() {
        let mut claims = full();
        claims["phone_number"] = "+15555550100".into();
        let person = entry(&claims);
        assert!(hints(&person).contains(&"tel#+15555550100".to_owned()) && person.channels.is_empty());
    }

    /// ATK-3-04: the address goes as a whole, and the `sub` stays, because it has to be unique.
    #[test]
    fn a_contact_that_is_somebody_elses_is_dropped_as_a_whole() {
        let countries = SmsCountries::parse("+44").unwrap();
        let mut person = introduced(&full());
        person.drop_contacts(&[DirectoryHint::new(HintKind::Email, "alice@example.com").unwrap()]);
        let entry = person.entry(&countries);
        assert!(entry.claims.get("email").is_none() && entry.claims.get("email_verified").is_none());
        assert_eq!((hints(&entry).len(), entry.channels.len()), (2, 1));
        let taken = entry.hints;
        person.drop_contacts(&taken);
        let entry = person.entry(&countries);
        assert!(entry.claims.get("phone_number").is_none() && entry.channels.is_empty());
        assert_eq!(hints(&entry), ["sub#BwcHBwcHBwcHBwcHBwcHBw"]);
    }

    /// ATK-2-05: a person chooses their name at the issuer, and it is shown by clients and to operators.
    #[test]
    fn a_name_that_attacks_a_page_or_terminal_is_not_kept() {
        for name in [
            "",
            "\u{1b}[2J",
            "Alice\nroot",
            "Alice\u{202e}ecilA",
            "Al\u{200b}ice",
            "<script>alert(1)</script>",
            "Call +1 555 555 0100",
            "Go to evil.example/login",
            &"a".repeat(65),
        ] {
            assert!(entry(&json!({"name": name, "given_name": name})).claims.is_empty(), "{name:?}");
        }
        for name in [json!(7), json!(["Alice"]), json!({"a": 1}), json!(null)] {
            assert!(entry(&json!({ "name": name })).claims.is_empty(), "{name}");
        }
        for locale in ["", "en GB", "en\n", "\"><b>", "d\u{e9}", &"a".repeat(36)] {
            assert!(entry(&json!({ "locale": locale })).claims.is_empty(), "{locale:?}");
        }
        for (claim, text) in
            [("name", "鈴木 一郎"), ("name", "J. R. Müller"), ("locale", "pt_BR"), ("locale", "zh-Hant-TW")]
        {
            assert_eq!(entry(&json!({ claim: text })).claims[claim], text);
        }
    }
}
