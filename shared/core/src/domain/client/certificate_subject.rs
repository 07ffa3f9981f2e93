//! The subject of a client's certificate (RFC 8705 §2.1.2).

use std::net::IpAddr;

use crate::domain::client::distinguished_name::DistinguishedName;

/// The longest text of a distinguished name. OpenSSL writes six bytes for a Cyrillic letter, and a part of a name
/// may have 64 letters or more. Unit: bytes.
const MAX_DISTINGUISHED_NAME: usize = 4096;
const MAX_ALTERNATIVE_NAME: usize = 512;

/// The registered subject of a `tls_client_auth` client's certificate; there is exactly one (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSubject {
    /// A distinguished name: its text form (RFC 4514), and its parsed form.
    Dn(String, DistinguishedName),
    SanDns(String),
    SanUri(String),
    SanIp(IpAddr),
    SanEmail(String),
}

impl CertificateSubject {
    /// The metadata members. A client has exactly one of them.
    pub const MEMBERS: [&'static str; 5] = [
        "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_uri",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_email",
    ];

    /// The metadata member and its text.
    pub fn parts(&self) -> (&'static str, String) {
        let [dn, dns, uri, ip, email] = Self::MEMBERS;
        match self {
            Self::Dn(text, _) => (dn, text.clone()),
            Self::SanDns(text) => (dns, text.clone()),
            Self::SanUri(text) => (uri, text.clone()),
            Self::SanIp(address) => (ip, address.to_string()),
            Self::SanEmail(text) => (email, text.clone()),
        }
    }

    /// Parses the value of `member`. The prefix that `openssl x509 -subject` prints is dropped.
    ///
    /// # Errors
    /// The reason, in words for the operator.
    pub fn parse(member: &str, text: &str) -> Result<Self, String> {
        let [dn, dns, uri, ip, email] = Self::MEMBERS;
        let most = if member == dn { MAX_DISTINGUISHED_NAME } else { MAX_ALTERNATIVE_NAME };
        if !(1..=most).contains(&text.len()) || text.chars().any(char::is_control) {
            return Err(format!("{member} must have 1-{most} bytes and no control characters"));
        }
        let owned = text.to_owned();
        match member {
            _ if member == dn => {
                let text = text.strip_prefix("subject=").map_or(text, |rest| rest.trim_start_matches(' '));
                let name = DistinguishedName::parse(text).map_err(|flaw| format!("{member}: {flaw}"))?;
                Ok(Self::Dn(text.to_owned(), name))
            }
            _ if member == dns => Ok(Self::SanDns(owned)),
            _ if member == uri => Ok(Self::SanUri(owned)),
            _ if member == ip => {
                text.parse().map(Self::SanIp).map_err(|_| format!("{member} is not an IP address"))
            }
            _ if member == email => Ok(Self::SanEmail(owned)),
            _ => Err(format!("{member} does not identify a certificate subject")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_is_written() {
        for (member, text) in
            CertificateSubject::MEMBERS.into_iter().zip(["CN=a", "a.example", "urn:a", "::1", "a@b.example"])
        {
            let subject = CertificateSubject::parse(member, text).unwrap();
            assert_eq!(subject.parts(), (member, text.to_owned()));
        }
        for (member, text) in [
            ("tls_client_auth_san_ip", "300.1.1.1"),
            ("tls_client_auth_subject_dn", ""),
            ("tls_client_auth_subject_dn", "CN=a\n"),
            ("tls_client_auth_subject_dn", "/CN=a"),
            ("subject_dn", "CN=a"),
        ] {
            let why = CertificateSubject::parse(member, text).expect_err(text);
            assert!(why.starts_with(member), "{why}");
        }
    }

    #[test]
    fn a_line_of_openssl_is_taken_as_it_is() {
        let member = CertificateSubject::MEMBERS[0];
        for line in ["subject=CN=Till 7,C=US", "subject= CN=Till 7,C=US", "CN=Till 7,C=US"] {
            let subject = CertificateSubject::parse(member, line).unwrap();
            assert_eq!(subject.parts(), (member, "CN=Till 7,C=US".to_owned()));
        }
        // Each non-ASCII letter takes six bytes.
        let long = format!("O={},C=RU", r"\D0\9A".repeat(300));
        assert!(CertificateSubject::parse(member, &long).is_ok());
    }
}
