//! Phone numbers and e-mail addresses in canonical form. If two spellings of one address were two values, one of
//! them could lead to another person.

use serde::Deserialize;

pub use crate::domain::base::phone_number::{PhoneNumber, PhonePrefix};

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

/// The domain of e-mail addresses, without those below it: ASCII letters in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailDomain(String);

impl EmailDomain {
    /// `None` if the text is no host name of several parts, as a name with a dot at the end and an IP address.
    pub fn parse(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let (_, top) = text.rsplit_once('.')?;
        let fits =
            text.len() <= 253 && text.split('.').all(is_label) && !top.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Whether an address in canonical form is of exactly this domain.
    pub fn covers(&self, address: &str) -> bool {
        address.split_once('@').is_some_and(|(_, domain)| domain == self.0)
    }
}

impl TryFrom<String> for EmailDomain {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
            .ok_or("the domain of addresses is a host name in ASCII with a dot inside, such as example.com")
    }
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

    /// ATK-3-04
    #[test]
    fn a_domain_covers_its_own_addresses_and_none_below() {
        let domain = EmailDomain::parse("Example.COM").expect("a domain");
        assert!(domain.covers("alice@example.com"));
        for other in [
            "alice@example.com.",
            "alice@mail.example.com",
            "alice@notexample.com",
            "alice@example.com.evil.example",
            "alice@example.com@evil.example",
            "alice@example.co",
            "example.com",
        ] {
            assert!(!domain.covers(other), "{other}");
        }
        for text in [
            "",
            ".",
            "example",
            "example.com.",
            ".example.com",
            "example..com",
            "@example.com",
            "*.example.com",
            "-a.example",
            "a-.example",
            "exa_mple.com",
            "bücher.example",
            "exam ple.com",
            "192.0.2.1",
            "example.com\n",
            &format!("{}.com", "a".repeat(64)),
            &format!("{}com", "a.".repeat(126)),
        ] {
            assert_eq!(EmailDomain::parse(text), None, "{text}");
        }
    }
}
