//! The host at which clients show certificates.

use url::Url;

use crate::config::{ConfigError, Environment, Issuer, refuse, setting};
use ciba_core::domain::client::Client;
use ciba_core::domain::client::client_authentication::AuthenticationMethod;
use ciba_core::verify::certificate_authority::AuthorityKey;

/// A second host of the same endpoints, where TLS asks for a client certificate (RFC 8705 §5). Elsewhere nobody is asked
/// for one, so that browsers show no dialogue, and no certificate counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtlsHost {
    url: String,
    authority: String,
    authorities: Vec<AuthorityKey>,
}

impl MtlsHost {
    pub const SETTING: &'static str = setting::MTLS_URL.name();

    pub const AUTHORITIES: &'static str = setting::MTLS_AUTHORITIES.name();

    /// Setting `MTLS_URL`: `https://` and a host name that is not the issuer's. Without it nothing about certificates is
    /// offered. `localhost` is for an issuer on `localhost` only.
    ///
    /// Setting `MTLS_AUTHORITIES`: the public keys of the authorities whose certificates say who a client of
    /// `tls_client_auth` is, in base64, with spaces between. Default: none, and that method is not offered (`CAUTH-4-06`).
    pub fn read(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let authorities = setting::MTLS_AUTHORITIES.get(env).unwrap_or_default();
        let Some(text) = setting::MTLS_URL.get(env) else {
            return Ok(None);
        };
        let issuer = Issuer::read(env)?;
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
        let Some(url) = url.filter(|url| text == url.origin().ascii_serialization()) else {
            return refuse(Self::SETTING, "is more or less than https, a host name and a port");
        };
        if url.host_str() == Some("localhost") && !issuer.is_local() {
            return refuse(Self::SETTING, "is localhost, and the issuer is not");
        }
        let without_root = |url: &str| url.trim_end_matches('.').to_owned();
        let is_issuer = without_root(text) == without_root(issuer.as_str());
        let Some((_, authority)) = text.split_once("://").filter(|_| !is_issuer) else {
            return refuse(
                Self::SETTING,
                "is the issuer: clients would be asked for certificates everywhere",
            );
        };
        let authorities: Option<Vec<_>> = authorities.split_whitespace().map(AuthorityKey::parse).collect();
        let Some(authorities) = authorities else {
            return refuse(
                Self::AUTHORITIES,
                "has what is no public key of EC (P-256, P-384), RSA or Ed25519",
            );
        };
        Ok(Some(Self { url: text.to_owned(), authority: authority.to_owned(), authorities }))
    }

    /// The URL of the endpoint at `path` there (`HYG-1-14`).
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Who may say by a certificate who a client is.
    pub fn authorities(&self) -> &[AuthorityKey] {
        &self.authorities
    }

    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// What the request context of a call there has as its domain name: the host, and the port where it is not 443.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        self.authority.rsplit_once(':').map_or(&self.authority, |(host, _)| host)
    }

    /// Why `client` can do nothing where `host` is all there is for certificates, in words for the operator. Without this
    /// being asked, it would be refused at its first request, for a reason that nobody told it.
    pub fn lack(host: Option<&Self>, client: &Client) -> Option<&'static str> {
        let method = client.authentication.method();
        match host {
            None if method == AuthenticationMethod::TlsClientAuth => Some(
                "tls_client_auth needs a host for mutual TLS and its authorities: set MTLS_URL and MTLS_AUTHORITIES, as deployed",
            ),
            None if method.is_mutual_tls() => {
                Some("self_signed_tls_client_auth needs a host for mutual TLS: set MTLS_URL, as deployed")
            }
            None if client.sender_constraint.certificate => Some(
                "tls_client_certificate_bound_access_tokens needs a host for mutual TLS: set MTLS_URL, as deployed",
            ),
            Some(host) if method == AuthenticationMethod::TlsClientAuth && host.authorities.is_empty() => {
                Some(
                    "tls_client_auth needs an authority that says who a client is: set MTLS_AUTHORITIES, as deployed",
                )
            }
            None | Some(_) => None,
        }
    }
}
