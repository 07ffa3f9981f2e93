//! What protects a person, and what of it an entry would take away that is written over another.

use crate::domain::client::weakening::named;
use crate::domain::person::Person;

/// The protections of `old` that `new` does not have, by the names of an entry's members. Passkeys, blocks and denials are
/// the person's and not the entry's: writing it anew leaves them as they are.
pub fn lost(old: &Person, new: &Person) -> Vec<&'static str> {
    let Person { key: _, sub: _, active, hints: _, channels: _, claims: _, user_code } = old;
    named([("active", !active && new.active), ("user_code", user_code.is_some() && new.user_code.is_none())])
}
