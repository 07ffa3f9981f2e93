//! Phone numbers and e-mail addresses: one form for each, whatever its spelling (`ATK-3-04`).

pub use crate::domain::base::phone_number::PhoneNumber;

/// ASCII letters in lower case throughout: no mail service in use tells people apart by the case of the local part. Beyond
/// ASCII everything is as it is: what Unicode calls the same letter is another address, and perhaps somebody else's.
pub fn canonical_email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let fits = !local.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    fits.then(|| text.to_ascii_lowercase())
}

/// The same for an address that proves who somebody is: in ASCII alone. Who vouches for it may fold what is beyond it, and
/// how is not known here.
pub fn proving_email(text: &str) -> Option<String> {
    canonical_email(text).filter(|address| address.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATK-3-04: the sign of the kelvin is no k, and its address nobody's who has one with a k.
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
