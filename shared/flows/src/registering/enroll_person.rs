//! Registers a person, for an operator.

use crate::registering::replace_entry::replace;
use ciba_aws::config::{Issuer, LoginIssuers};
use ciba_aws::store::{Enrolled, Table};
use ciba_core::domain::base::contact::PhoneNumber;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::hint::{DirectoryHint, HintKind};
use ciba_core::domain::person::channel::Channel;
use ciba_core::domain::person::sms::SmsCountries;
use ciba_core::domain::person::user_code::{UserCode, UserCodeHash};
use ciba_core::domain::person::{Person, Subject};
use ciba_core::protocol::person_entry::{ChannelEntry, PersonEntry};

/// The most hints. All hints and push endpoints may change in one transaction, which has at most 100 writes.
const MAX_HINTS: usize = 40;

/// Why a person is not registered, as a text for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEnrolled(pub String);

/// Checks the entry, and writes the person and their hints, new or changed. `fill` fills a buffer from the
/// operating system's random source.
pub async fn enroll(
    table: &Table,
    entry: PersonEntry,
    issuer: &Issuer,
    login_issuers: &LoginIssuers,
    countries: &SmsCountries,
    fill: fn(&mut [u8]),
) -> Result<Person, NotEnrolled> {
    write(table, check(entry, issuer, login_issuers, countries, fill)?, |_| Ok(())).await
}

/// Writes a person that has been checked, if `judge` permits that the current entry is replaced.
pub async fn write(
    table: &Table,
    person: Person,
    judge: impl Fn(Option<&Person>) -> Result<(), String>,
) -> Result<Person, NotEnrolled> {
    let refused = |why: &str| format!("person {}: {why}", person.sub.as_str());
    let judge = |old: Option<&Person>| match old {
        Some(old) if old.sub != person.sub => {
            Err(refused("this login already has another sub, which cannot change"))
        }
        old => judge(old),
    };
    let read = async || table.read_person(&person.key).await;
    let written = replace(read, judge, async |old| {
        Ok(match table.replace_person(&person, old).await? {
            Enrolled::Changed => None,
            written @ (Enrolled::Done | Enrolled::HintTaken(_) | Enrolled::EndpointTaken) => Some(written),
        })
    });
    match written.await {
        Ok(Enrolled::HintTaken(_)) => Err(NotEnrolled(refused("a hint already belongs to somebody else"))),
        Ok(Enrolled::EndpointTaken) => {
            Err(NotEnrolled(refused("a push endpoint already belongs to somebody else")))
        }
        Ok(Enrolled::Done | Enrolled::Changed) => Ok(person),
        Err(error) => Err(NotEnrolled(error.to_string())),
    }
}

/// The person that the entry describes.
pub fn check(
    entry: PersonEntry,
    issuer: &Issuer,
    login_issuers: &LoginIssuers,
    countries: &SmsCountries,
    fill: fn(&mut [u8]),
) -> Result<Person, NotEnrolled> {
    let refuse = |why: &str| NotEnrolled(format!("person {}: {why}", entry.sub));
    let sub =
        Subject::parse(&entry.sub).ok_or_else(|| refuse("sub is not 1-255 visible ASCII characters"))?;
    let key = match &entry.login {
        None => PersonKey::new(issuer.as_str(), &entry.sub),
        Some(login) => match login_issuers.find(&login.iss) {
            Some(known) => known
                .person_key(&login.value)
                .ok_or_else(|| refuse("the login value is not valid for the issuer's person claim"))?,
            // This would create a separate key, with which nobody could log in.
            None if login_issuers.iter().any(|known| differs_by_a_slash(&known.issuer, &login.iss)) => {
                return Err(refuse(
                    "login.iss differs from a configured login issuer only by a trailing slash",
                ));
            }
            // The login issuer is not configured here yet. The person can decide as soon as it is.
            None => PersonKey::new(&login.iss, &login.value),
        },
    };
    let channels =
        Channel::list(entry.channels.iter().map(ChannelEntry::written), countries).map_err(&refuse)?;
    let kinds = [
        (HintKind::Plain, &entry.hints.plain),
        (HintKind::Email, &entry.hints.email),
        (HintKind::Tel, &entry.hints.tel),
    ];
    let values = kinds.into_iter().flat_map(|(kind, values)| values.iter().map(move |value| (kind, value)));
    let mut hints = Vec::new();
    // `sub` leads to the person as well, and storing it as a hint makes it unique.
    for (kind, value) in values.chain([(HintKind::Sub, &entry.sub)]) {
        let why =
            if kind == HintKind::Tel { PhoneNumber::EXPECTED } else { "a hint is not valid for its kind" };
        let hint = DirectoryHint::new(kind, value).ok_or_else(|| refuse(why))?;
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    if hints.len() > MAX_HINTS {
        return Err(refuse("there are more than 40 hints"));
    }
    let user_code = match &entry.user_code {
        None => None,
        Some(code) => {
            let mut salt = [0; 16];
            fill(&mut salt);
            let code = UserCode::parse(code.expose()).filter(UserCode::may_be_enrolled);
            let hash = code.and_then(|code| UserCodeHash::new(&code, salt));
            Some(hash.ok_or_else(|| {
                refuse("user_code is not 4 to 64 characters long, or has control characters")
            })?)
        }
    };
    Ok(Person {
        key,
        sub,
        active: entry.active,
        hints,
        channels,
        claims: entry.claims,
        user_code,
        resolved: None,
    })
}

fn differs_by_a_slash(one: &str, other: &str) -> bool {
    one.strip_suffix('/') == Some(other) || other.strip_suffix('/') == Some(one)
}
