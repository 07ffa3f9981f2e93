//! Phone numbers and e-mail addresses in canonical form. If two spellings of one address were two values, one of
//! them could lead to another person.

pub use crate::domain::base::phone_number::PhoneNumber;

/// The address with ASCII letters in lower case: in practice no mail service distinguishes mailboxes by the case
/// of the local part. Other characters are unchanged: an address that Unicode folds to the same letters is a
/// different address, which may belong to another person.
pub fn canonical_email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let fits = !local.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    fits.then(|| text.to_ascii_lowercase())
}

/// The canonical form of an address that proves a person's identity: ASCII only. The issuer that vouches for it may
/// fold other characters in its own way, which is unknown here.
pub fn proving_email(text: &str) -> Option<String> {
    canonical_email(text).filter(|address| address.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATK-3-04: the kelvin sign is not a `k`, so an address with it is not the address with a `k`.
    #[test]
    fn an_address_is_folded_by_ascii_alone() {
        assert_eq!(canonical_email("Kate@Example.COM").as_deref(), Some("kate@example.com"));
        for (text, as_hint) in [
            ("\u{212a}ate@example.com", "\u{212a}ate@example.com"),
            ("kate@example.co\u{217f}", "kate@example.co\u{217f}"),
            ("JÖRG@example.com", "jÖrg@example.com"),
            ("kate@ｅxample.com", "kate@ｅxample.com"),
        ] {
            assert_eq!(canonical_email(text).as_deref(), Some(as_hint));
            assert_eq!(proving_email(text), None, "{text}");
        }
        assert_eq!(proving_email("Kate@Example.COM").as_deref(), Some("kate@example.com"));
    }
}
