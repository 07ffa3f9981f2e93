//! Registers a person whom a login issuer introduces.

use crate::{Invocation, log};
use ciba_aws::store::{Enrolled, StoreError, Table};
use ciba_core::domain::person::new_person::NewPerson;
use ciba_core::domain::person::sms::SmsCountries;

/// How many times the entry is written while others write it or its hints: each try but the first has either fewer hints,
/// or somebody else's write behind it.
const TRIES: usize = 4;

/// 1. A person who is already registered is not changed, not even a disabled one.
/// 2. Write the person with their hints, on the condition that there is still no such person, and nobody with these hints.
/// 3. Start again without the hints that lead to somebody else: none ever moves. If the person is there now, another login
///    of theirs came first.
pub async fn introduce(
    table: &Table,
    mut person: NewPerson,
    countries: &SmsCountries,
    invocation: &Invocation,
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        if table.read_person(person.key()).await?.is_some() {
            return Ok(());
        }
        match table.replace_person(&person.entry(countries), None).await? {
            Enrolled::Done => {
                log::person_introduced(person.key(), invocation.now);
                return Ok(());
            }
            Enrolled::HintTaken(taken) => {
                log::hints_taken(person.key(), &taken, invocation.now);
                person.drop_contacts(&taken);
            }
            Enrolled::Changed | Enrolled::EndpointTaken => {}
        }
    }
    Err(StoreError::Unavailable(
        "the person or their hints were written by others during every attempt".to_owned(),
    ))
}
