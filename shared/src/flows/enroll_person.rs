//! Writing down a person: by an operator.

use crate::domain::hint::{DirectoryHint, HintKind};
use crate::domain::person::{Channel, Person, PersonKey, PhoneNumber, Subject};
use crate::protocol::enrolment::{ChannelEntry, PersonEntry};
use crate::store::Table;

/// Why a person is not written down, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEnrolled(pub String);

/// Checks the entry, and writes the person and the hints that lead there, new or changed.
pub async fn enroll(table: &Table, entry: PersonEntry, issuer: &str) -> Result<Person, NotEnrolled> {
    let (person, hints) = check(entry, issuer)?;
    match table.put_person(&person, &hints).await {
        Ok(true) => Ok(person),
        Ok(false) => {
            Err(NotEnrolled(format!("person {}: a hint leads to somebody else already", person.sub.as_str())))
        }
        Err(error) => Err(NotEnrolled(error.detail())),
    }
}

/// The person that the entry describes, and every hint that leads there.
pub fn check(entry: PersonEntry, issuer: &str) -> Result<(Person, Vec<DirectoryHint>), NotEnrolled> {
    let refuse = |why: &str| NotEnrolled(format!("person {}: {why}", entry.sub));
    let sub =
        Subject::parse(&entry.sub).ok_or_else(|| refuse("sub is not 1-255 visible ASCII characters"))?;
    let key = match &entry.login {
        Some(login) => PersonKey::new(&login.iss, &login.value),
        None => PersonKey::new(issuer, &entry.sub),
    };
    let channels = entry.channels.iter().map(|ChannelEntry::Sms(number)| {
        PhoneNumber::parse(number).map(Channel::Sms).ok_or_else(|| refuse("a number is not E.164"))
    });
    let kinds = [
        (HintKind::Plain, &entry.hints.plain),
        (HintKind::Email, &entry.hints.email),
        (HintKind::Tel, &entry.hints.tel),
    ];
    let values = kinds.into_iter().flat_map(|(kind, values)| values.iter().map(move |value| (kind, value)));
    // `sub` leads to the person as well, and being a hint makes it unique.
    let hints = values.chain([(HintKind::Sub, &entry.sub)]).map(|(kind, value)| {
        DirectoryHint::new(kind, value).ok_or_else(|| refuse("a hint is not of its kind"))
    });
    let hints = hints.collect::<Result<Vec<_>, _>>()?;
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    Ok((Person { key, sub, active: entry.active, channels, claims: entry.claims }, hints))
}
