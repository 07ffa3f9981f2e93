//! The hint becomes a person (CIBA §7.2, steps 4 and 5).

use crate::domain::asks::Asks;
use crate::domain::hint::Hint;
use crate::domain::person::Person;
use crate::store::{StoreError, Table};

/// Finds the person and how often they were asked of late. `None` if there is nobody, or nobody who is
/// active: the client cannot tell which.
pub async fn resolve(table: &Table, hint: &Hint) -> Result<Option<(Person, Asks)>, StoreError> {
    let key = match hint {
        Hint::Person(key) => key.clone(),
        Hint::Directory(hint) => match table.find_hint(hint).await? {
            Some(key) => key,
            None => return Ok(None),
        },
    };
    Ok(table.find_person_with_asks(&key).await?.filter(|(person, _)| person.active))
}
