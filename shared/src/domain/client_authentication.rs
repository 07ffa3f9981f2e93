//! How a client proves that it is itself (RFC 6749 §2.3, RFC 7523, RFC 8705).

use std::net::IpAddr;

use crate::domain::certificate::Certificate;
use crate::domain::distinguished_name::DistinguishedName;
use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::domain::secret::{Secret, SecretHash};

/// `token_endpoint_auth_method`, for the token and the backchannel authentication endpoint alike (CIBA §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMethod {
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
    ClientSecretBasic,
    ClientSecretPost,
}

impl AuthenticationMethod {
    /// In the order of preference in which the metadata lists them.
    pub const ALL: [Self; 5] = [
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether it needs the host at which clients show certificates.
    pub const fn is_mutual_tls(self) -> bool {
        match self {
            Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => true,
            Self::PrivateKeyJwt | Self::ClientSecretBasic | Self::ClientSecretPost => false,
        }
    }

    /// Whether both sides know the same secret. Never under FAPI (`FCIBA-18`).
    pub const fn is_shared_secret(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
            Self::PrivateKeyJwt | Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => false,
        }
    }
}

/// The registered method with what it needs. Keys and certificates stand in the client's
/// [`keys`](crate::domain::client::Client::keys).
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    ClientSecretBasic(SecretHash),
    ClientSecretPost(SecretHash),
    PrivateKeyJwt {
        /// `token_endpoint_auth_signing_alg`. Default: any that is offered.
        algorithm: Option<JwsAlgorithm>,
        audience: AssertionAudience,
    },
    TlsClientAuth(CertificateSubject),
    SelfSignedTlsClientAuth,
}

/// What a client assertion may name as `aud`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer and nothing else (RFC 10070 §4), so that no other server can have an assertion made for this one
    /// (`ATK-8-02`).
    Issuer,
    /// The issuer, also with a slash at its end, as Auth0's SDKs name it: they put one behind the domain. No other server can have that name,
    /// so it is as safe as [`Self::Issuer`].
    IssuerSlash,
    /// The issuer, the token endpoint or the endpoint that is called, by its URLs with and without mutual TLS, also among
    /// others: what CIBA §7.1 asked for in 2021 (`CAUTH-3-06`).
    Endpoints,
}

impl AssertionAudience {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::IssuerSlash => "issuer_slash",
            Self::Endpoints => "endpoints",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Issuer, Self::IssuerSlash, Self::Endpoints]
            .into_iter()
            .find(|audience| audience.as_str() == text)
    }
}

/// Unit: bytes. OpenSSL writes six of them for a Cyrillic letter, and a part of a name may have 64 letters or more.
const MAX_DISTINGUISHED_NAME: usize = 4096;
const MAX_ALTERNATIVE_NAME: usize = 512;

/// The one name that the certificate of a `tls_client_auth` client has (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSubject {
    /// A distinguished name in the text form of RFC 4514, and what it says.
    Dn(String, DistinguishedName),
    SanDns(String),
    SanUri(String),
    SanIp(IpAddr),
    SanEmail(String),
}

impl CertificateSubject {
    /// The metadata members, of which a client has exactly one.
    pub const MEMBERS: [&'static str; 5] = [
        "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_uri",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_email",
    ];

    /// Which member it is, and its text.
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

    /// The subject that the member `member` names. What `openssl x509 -subject` writes before a name is left out.
    ///
    /// # Errors
    /// In words for the operator.
    pub fn parse(member: &str, text: &str) -> Result<Self, String> {
        let [dn, dns, uri, ip, email] = Self::MEMBERS;
        let most = if member == dn { MAX_DISTINGUISHED_NAME } else { MAX_ALTERNATIVE_NAME };
        if !(1..=most).contains(&text.len()) || text.chars().any(char::is_control) {
            return Err(format!("{member} is not 1-{most} bytes without control characters"));
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
                text.parse().map(Self::SanIp).map_err(|_| format!("{member} is not an address"))
            }
            _ if member == email => Ok(Self::SanEmail(owned)),
            _ => Err(format!("{member} does not name the subject of a certificate")),
        }
    }
}

/// What a request presents as proof.
#[derive(Clone, Debug)]
pub enum PresentedCredential {
    ClientSecretBasic(Secret),
    ClientSecretPost(Secret),
    /// A JWT that says it is the client's; nothing of it is verified yet.
    Assertion(Secret),
    /// At the host for mutual TLS, and no other credential.
    Certificate(Box<Certificate>),
}

impl ClientAuthentication {
    pub const fn method(&self) -> AuthenticationMethod {
        match self {
            Self::ClientSecretBasic(_) => AuthenticationMethod::ClientSecretBasic,
            Self::ClientSecretPost(_) => AuthenticationMethod::ClientSecretPost,
            Self::PrivateKeyJwt { .. } => AuthenticationMethod::PrivateKeyJwt,
            Self::TlsClientAuth(_) => AuthenticationMethod::TlsClientAuth,
            Self::SelfSignedTlsClientAuth => AuthenticationMethod::SelfSignedTlsClientAuth,
        }
    }

    /// The hash of the secret, where there is one.
    pub const fn secret(&self) -> Option<&SecretHash> {
        match self {
            Self::ClientSecretBasic(hash) | Self::ClientSecretPost(hash) => Some(hash),
            Self::PrivateKeyJwt { .. } | Self::TlsClientAuth(_) | Self::SelfSignedTlsClientAuth => None,
        }
    }

    /// The method used must be the one registered (`CAUTH-1-02`), and the secret must be right. What is signed and
    /// what is shown is accepted by who verifies it, never here.
    pub fn accepts(&self, presented: &PresentedCredential) -> bool {
        match (self, presented) {
            (Self::ClientSecretBasic(hash), PresentedCredential::ClientSecretBasic(secret))
            | (Self::ClientSecretPost(hash), PresentedCredential::ClientSecretPost(secret)) => {
                hash.matches(secret)
            }
            (
                Self::ClientSecretBasic(_)
                | Self::ClientSecretPost(_)
                | Self::PrivateKeyJwt { .. }
                | Self::TlsClientAuth(_)
                | Self::SelfSignedTlsClientAuth,
                PresentedCredential::ClientSecretPost(secret)
                | PresentedCredential::ClientSecretBasic(secret),
            ) => {
                // A wrong method takes the time of a wrong secret.
                let _ = SecretHash::OF_NOTHING.matches(secret);
                false
            }
            (_, PresentedCredential::Assertion(_) | PresentedCredential::Certificate(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CAUTH-1-02
    #[test]
    fn the_right_secret_by_the_wrong_method_is_refused() {
        let secret = || Secret::new("s".repeat(43));
        let registered = ClientAuthentication::ClientSecretBasic(secret().hash());
        assert!(registered.accepts(&PresentedCredential::ClientSecretBasic(secret())));
        assert!(!registered.accepts(&PresentedCredential::ClientSecretPost(secret())));
    }

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
        // Each letter beyond ASCII is six.
        let long = format!("O={},C=RU", r"\D0\9A".repeat(300));
        assert!(CertificateSubject::parse(member, &long).is_ok());
    }
}
