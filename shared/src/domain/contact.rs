//! Phone numbers and e-mail addresses: one form for each, whatever its spelling (`ATK-3-04`).

pub use crate::domain::phone_number::PhoneNumber;

/// Lower case throughout: no mail service in use tells people apart by the case of the local part.
pub fn canonical_email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let fits = !local.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    fits.then(|| text.to_lowercase())
}
