//! The operator's resolver: a function of the operator that knows people whom the directory does not know.
//!
//! It tells whom a hint means, and each request writes what it said as the person's entry. An entry that an operator
//! or a login wrote belongs to the directory, and no resolver changes it.

use serde_json::{Map, Value};

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::time::Timestamp;
use crate::domain::hint::{DirectoryHint, Hint, HintKind};
use crate::domain::issuer::login_issuer::LoginIssuer;
use crate::domain::person::channel::{Channel, WrittenChannel};
use crate::domain::person::resolved::Resolved;
use crate::domain::person::sms::SmsCountries;
use crate::domain::person::{Person, Subject};

/// The rules for what a resolver says.
#[derive(Clone)]
pub struct Resolver {
    /// This provider, which is the issuer of people without a login.
    pub own: String,
    /// The login issuers for whose people the resolver speaks.
    pub issuers: Vec<LoginIssuer>,
    pub countries: SmsCountries,
}

/// A person as the resolver describes them.
#[derive(Clone, Copy)]
pub struct Description<'a> {
    pub issuer: Option<&'a str>,
    pub subject: &'a str,
    /// Default: `subject`.
    pub sub: Option<&'a str>,
    /// In the order in which they are tried.
    pub channels: &'a [WrittenChannel<'a>],
    pub claims: &'a Map<String, Value>,
}

impl Resolver {
    /// The entry of the person. The error is for the log, and means that the resolver is at fault.
    pub fn person(&self, described: Description<'_>, now: Timestamp) -> Result<Person, &'static str> {
        let Description { issuer, subject, .. } = described;
        let key = self.key(issuer, subject)?;
        let sub = Subject::parse(described.sub.unwrap_or(subject))
            .ok_or("sub, or subject if there is no sub, is not 1-255 visible ASCII characters")?;
        // Makes the `sub` unique.
        let hint = DirectoryHint::new(HintKind::Sub, sub.as_str()).ok_or("sub is not a hint")?;
        Ok(Person {
            key,
            sub,
            active: true,
            hints: vec![hint],
            channels: Channel::list(described.channels.iter().copied(), &self.countries)?,
            claims: described.claims.clone(),
            user_code: None,
            resolved: Some(Resolved {
                issuer: issuer.map(str::to_owned),
                subject: subject.to_owned(),
                at: now,
            }),
        })
    }

    /// Whether the resolver can know whom the hint means. Names at issuers for which it does not speak are not its to say.
    pub fn may_know(&self, hint: &Hint) -> bool {
        match hint {
            Hint::Login { issuer, .. } => self.issuers.iter().any(|known| known.issuer == *issuer),
            Hint::Directory(_) | Hint::Person(_) => true,
        }
    }

    fn key(&self, issuer: Option<&str>, subject: &str) -> Result<PersonKey, &'static str> {
        if !(1..=255).contains(&subject.len()) || subject.chars().any(char::is_control) {
            return Err("subject is not 1-255 bytes without control characters");
        }
        // The directory's people without a login have keys of this provider and their `sub`.
        let Some(issuer) = issuer else {
            return Ok(PersonKey::new(&format!("{}#resolver", self.own), subject));
        };
        let known = self.issuers.iter().find(|known| known.issuer == issuer);
        let known = known.ok_or("the resolver does not speak for this issuer")?;
        known.person_key(subject).ok_or("subject is not valid for the issuer's person claim")
    }
}

/// Whether `person` may be the answer to `hint`. A hint that names a person cannot mean somebody else; who has a number
/// or an address is for the resolver to say.
pub fn may_mean(hint: &Hint, person: &Person) -> bool {
    match hint {
        Hint::Directory(hint) => match hint.kind() {
            HintKind::Sub => hint.value() == person.sub.as_str(),
            HintKind::Plain | HintKind::Tel | HintKind::Email => true,
        },
        Hint::Login { key, .. } | Hint::Person(key) => *key == person.key,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const LOGIN: &str = "https://login.example";

    fn resolver() -> Resolver {
        let issuer = json!({"issuer": LOGIN, "jwks_uri": "", "algorithms": [],
            "audience": {"claim": "aud", "value": ""}});
        Resolver {
            own: "https://op.example".to_owned(),
            issuers: vec![serde_json::from_value(issuer).unwrap()],
            countries: SmsCountries::parse("+1").unwrap(),
        }
    }

    fn person(described: Description<'_>) -> Result<Person, &'static str> {
        resolver().person(described, NOW)
    }

    fn with(claims: &Map<String, Value>) -> Description<'_> {
        Description { issuer: Some(LOGIN), subject: "7", sub: None, channels: &[], claims }
    }

    #[test]
    fn a_resolved_person_has_the_key_of_their_login() {
        let claims = json!({"name": "Alice", "locale": "de"}).as_object().unwrap().clone();
        let channels = [WrittenChannel::Sms("+1 555 555 0100")];
        let described = Description { sub: Some("alice"), channels: &channels, ..with(&claims) };
        let person = person(described).unwrap();
        assert_eq!(person.key, PersonKey::new(LOGIN, "7"));
        assert_eq!((person.sub.as_str(), person.active, person.user_code.is_none()), ("alice", true, true));
        assert_eq!(person.channels, [Channel::parse("sms", "+15555550100").unwrap()]);
        assert_eq!(person.claims, claims);
        let hints: Vec<_> = person.hints.iter().map(DirectoryHint::encode).collect();
        assert_eq!(hints, ["sub#alice"]);
        let resolved = Resolved { issuer: Some(LOGIN.to_owned()), subject: "7".to_owned(), at: NOW };
        assert!(person.resolved == Some(resolved));
    }

    #[test]
    fn a_person_without_a_login_is_known_to_the_resolver_alone() {
        let claims = Map::new();
        let person = person(Description { issuer: None, ..with(&claims) }).unwrap();
        let key = PersonKey::new("https://op.example#resolver", "7");
        assert_eq!((&person.key, person.sub.as_str()), (&key, "7"));
        assert_ne!(person.key, PersonKey::new("https://op.example", "7"), "nobody of the directory");
    }

    /// ATK-3-04
    #[test]
    fn a_resolver_speaks_for_its_own_issuers_only() {
        let claims = Map::new();
        for issuer in ["https://other.example", "https://login.example/", "https://op.example", ""] {
            assert!(person(Description { issuer: Some(issuer), ..with(&claims) }).is_err(), "{issuer}");
        }
    }

    #[test]
    fn a_description_that_no_entry_can_have_is_refused() {
        let claims = Map::new();
        let good = with(&claims);
        let long = "a".repeat(256);
        for subject in ["", "a\nb", &long] {
            assert!(person(Description { subject, ..good }).is_err(), "{subject:?}");
        }
        for sub in ["", "a b", "é", &long] {
            assert!(person(Description { sub: Some(sub), ..good }).is_err(), "{sub:?}");
        }
        // A subject may be what no `sub` can be, if there is another `sub`.
        assert!(person(Description { subject: "Zoë", ..good }).is_err());
        assert!(person(Description { subject: "Zoë", sub: Some("7"), ..good }).is_ok());
        let twice = ["+15555550100", "+1 (555) 555-0100"].map(WrittenChannel::Sms);
        for channels in [
            &[WrittenChannel::Sms("0815")] as &[_],
            &[WrittenChannel::Sms("+442079460958")],
            &[WrittenChannel::Push("arn")],
            &[WrittenChannel::Custom { name: "E-Mail", address: "alice@example.com" }],
            &twice,
        ] {
            assert!(person(Description { channels, ..good }).is_err());
        }
    }

    /// ATK-3-04
    #[test]
    fn a_hint_that_names_a_person_means_nobody_else() {
        let claims = Map::new();
        let person = person(Description { sub: Some("alice"), ..with(&claims) }).unwrap();
        let hint = |kind, value: &str| Hint::directory(kind, value).unwrap();
        assert!(may_mean(&hint(HintKind::Sub, "alice"), &person));
        assert!(!may_mean(&hint(HintKind::Sub, "bob"), &person));
        assert!(!may_mean(&hint(HintKind::Sub, "Alice"), &person));
        assert!(may_mean(&hint(HintKind::Email, "bob@example.com"), &person));
        let login = |subject: &str| Hint::Login {
            issuer: LOGIN.to_owned(),
            subject: subject.to_owned(),
            key: PersonKey::new(LOGIN, subject),
        };
        assert!(may_mean(&login("7"), &person) && !may_mean(&login("8"), &person));
        assert!(!may_mean(&Hint::Person(PersonKey::new(LOGIN, "8")), &person));
    }
}
