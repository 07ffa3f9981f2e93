//! Phone numbers and e-mail addresses: one form for each, whatever its spelling (`ATK-3-04`).

use std::fmt;

/// A phone number in E.164 form: `+` and 7 to 15 digits, the first of them not 0.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Accepts the separators people write (space, `-`, `.`, `(`, `)`), so that one number has one form.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then_some(Self(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

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

    /// ATK-3-04
    #[test]
    fn a_phone_number_has_one_form_whatever_its_separators() {
        assert_eq!(PhoneNumber::parse("+1 (555) 555-0100"), PhoneNumber::parse("+15555550100"));
        for text in ["15555550100", "+0155555501", "+123456", "+1234567890123456", "+1555555O100"] {
            assert_eq!(PhoneNumber::parse(text), None, "{text}");
        }
    }
}
