//! The host for mutual TLS.

use url::Url;

use crate::config::{ConfigError, Environment, Issuer, refuse, setting};
use ciba_core::domain::client::Client;
use ciba_core::domain::client::client_authentication::AuthenticationMethod;
use ciba_core::verify::certificate_authority::AuthorityKey;

/// A second host for the same endpoints, where TLS asks for a client certificate (RFC 8705 §5). The issuer's host
/// does not ask for one, so that browsers show no dialogue, and ignores any certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtlsHost {
    url: String,
    authority: String,
    authorities: Vec<AuthorityKey>,
}

impl MtlsHost {
    pub const SETTING: &'static str = setting::MTLS_URL.name();

    pub const AUTHORITIES: &'static str = setting::MTLS_AUTHORITIES.name();

    /// Setting `MTLS_URL`: `https://` and a host name that is not the issuer's. Without it no feature that needs
    /// certificates is offered. `localhost` is accepted only with an issuer on `localhost`.
    ///
    /// Setting `MTLS_AUTHORITIES`: the public keys of the CAs whose certificates identify clients of
    /// `tls_client_auth`, in base64, separated by spaces. Trusted CAs are limited to these (RFC 8705 §7.4).
    /// Default: none, so that method is not offered.
    pub fn read(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let authorities = setting::MTLS_AUTHORITIES.get(env).unwrap_or_default();
        let Some(text) = setting::MTLS_URL.get(env) else {
            return Ok(None);
        };
        let issuer = Issuer::read(env)?;
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
        let Some(url) = url.filter(|url| text == url.origin().ascii_serialization()) else {
            return refuse(
                Self::SETTING,
                "must be https, a host name and an optional port, without a trailing slash",
            );
        };
        if url.host_str() == Some("localhost") && !issuer.is_local() {
            return refuse(Self::SETTING, "is localhost, but the issuer is not");
        }
        let without_root = |url: &str| url.trim_end_matches('.').to_owned();
        let is_issuer = without_root(text) == without_root(issuer.as_str());
        let Some((_, authority)) = text.split_once("://").filter(|_| !is_issuer) else {
            return refuse(
                Self::SETTING,
                "is the issuer itself, where clients must not be asked for certificates",
            );
        };
        let authorities: Option<Vec<_>> = authorities.split_whitespace().map(AuthorityKey::parse).collect();
        let Some(authorities) = authorities else {
            return refuse(
                Self::AUTHORITIES,
                "contains an entry that is not an EC (P-256, P-384), RSA or Ed25519 public key",
            );
        };
        Ok(Some(Self { url: text.to_owned(), authority: authority.to_owned(), authorities }))
    }

    /// The URL of the endpoint at `path` on this host. It comes from the settings, never from a `Host` header.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The CAs whose certificates identify clients.
    pub fn authorities(&self) -> &[AuthorityKey] {
        &self.authorities
    }

    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The domain name in the request context of a call to this host: the host, and the port unless it is 443.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        self.authority.rsplit_once(':').map_or(&self.authority, |(host, _)| host)
    }

    /// The reason why `client` cannot authenticate or use certificates with this configuration, in words for the
    /// operator. `None` if it can. Without this check the client would be refused at its first request, without
    /// being told why.
    pub fn lack(host: Option<&Self>, client: &Client) -> Option<&'static str> {
        let method = client.authentication.method();
        match host {
            None if method == AuthenticationMethod::TlsClientAuth => Some(
                "tls_client_auth needs a host for mutual TLS and trusted CAs: set MTLS_URL and MTLS_AUTHORITIES, as deployed",
            ),
            None if method.is_mutual_tls() => {
                Some("self_signed_tls_client_auth needs a host for mutual TLS: set MTLS_URL, as deployed")
            }
            None if client.sender_constraint.certificate => Some(
                "tls_client_certificate_bound_access_tokens needs a host for mutual TLS: set MTLS_URL, as deployed",
            ),
            Some(host) if method == AuthenticationMethod::TlsClientAuth && host.authorities.is_empty() => {
                Some("tls_client_auth needs a CA that identifies clients: set MTLS_AUTHORITIES, as deployed")
            }
            None | Some(_) => None,
        }
    }
}
