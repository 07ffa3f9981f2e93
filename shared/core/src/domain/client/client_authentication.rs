//! How a client authenticates (RFC 6749 §2.3, RFC 7523, RFC 8705).

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::secret::{Secret, SecretHash};
use crate::domain::client::certificate_subject::CertificateSubject;

/// `token_endpoint_auth_method`; it applies to the token and the backchannel authentication endpoint (CIBA §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMethod {
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
    ClientSecretBasic,
    ClientSecretPost,
}

impl AuthenticationMethod {
    /// In order of preference, as the metadata lists them.
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

    /// Whether it needs the mutual-TLS host.
    pub const fn is_mutual_tls(self) -> bool {
        match self {
            Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => true,
            Self::PrivateKeyJwt | Self::ClientSecretBasic | Self::ClientSecretPost => false,
        }
    }

    /// Whether it uses a shared secret. FAPI-CIBA does not allow that: its clients authenticate with a key or a
    /// certificate.
    pub const fn is_shared_secret(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
            Self::PrivateKeyJwt | Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => false,
        }
    }
}

/// The registered method and its data. Keys and certificates are in the client's
/// [`keys`](crate::domain::client::Client::keys).
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    ClientSecretBasic(SecretHash),
    ClientSecretPost(SecretHash),
    PrivateKeyJwt {
        /// `token_endpoint_auth_signing_alg`. Default: any supported algorithm.
        algorithm: Option<JwsAlgorithm>,
        audience: AssertionAudience,
    },
    TlsClientAuth(CertificateSubject),
    SelfSignedTlsClientAuth,
}

/// The values that are accepted as `aud` of a client assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer and nothing else (RFC 10070 §4). Otherwise a malicious server could name this provider's
    /// endpoint as its own, and replay here the assertion that a client made for it (audience injection).
    Issuer,
    /// The issuer, with or without a trailing slash: Auth0's SDKs append one to the domain. No other server can
    /// have that identifier, so it is as safe as [`Self::Issuer`].
    IssuerSlash,
    /// The issuer, the token endpoint or the called endpoint, with and without mutual TLS, even among other
    /// values, as CIBA §7.1 required in 2021.
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

    /// The hash of the secret, if there is one.
    pub const fn secret(&self) -> Option<&SecretHash> {
        match self {
            Self::ClientSecretBasic(hash) | Self::ClientSecretPost(hash) => Some(hash),
            Self::PrivateKeyJwt { .. } | Self::TlsClientAuth(_) | Self::SelfSignedTlsClientAuth => None,
        }
    }

    /// Whether this is the client's secret, sent `by` the registered method (OIDC Core §9: a client uses the
    /// method that it registered).
    pub fn accepts(&self, by: AuthenticationMethod, secret: &Secret) -> bool {
        match self.secret() {
            Some(hash) if self.method() == by => hash.matches(secret),
            // A wrong method takes as long as a wrong secret, so that the time reveals neither.
            Some(_) | None => {
                let _ = SecretHash::OF_NOTHING.matches(secret);
                false
            }
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
        assert!(registered.accepts(AuthenticationMethod::ClientSecretBasic, &secret()));
        assert!(!registered.accepts(AuthenticationMethod::ClientSecretPost, &secret()));
    }
}
