//! The protections of a person that would be lost if their entry is overwritten.

use crate::domain::client::weakening::named;
use crate::domain::person::Person;

/// The protections of `old` that `new` does not have, by the names of their members. Passkeys, blocks and denials
/// are not part of the entry, so overwriting it does not change them.
pub fn lost(old: &Person, new: &Person) -> Vec<&'static str> {
    let Person { key: _, sub: _, active, hints: _, channels: _, claims: _, user_code, resolved: _ } = old;
    named([("active", !active && new.active), ("user_code", user_code.is_some() && new.user_code.is_none())])
}
