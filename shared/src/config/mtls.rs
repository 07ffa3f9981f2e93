//! The host at which clients show certificates.

use url::Url;

use crate::config::{ConfigError, Environment, Issuer, refuse};

/// A second host of the same endpoints, where TLS asks for a client certificate (RFC 8705 §5). Elsewhere nobody is asked
/// for one, so that browsers show no dialogue, and no certificate counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtlsHost {
    url: String,
    authority: String,
}

impl MtlsHost {
    pub const SETTING: &'static str = "MTLS_URL";

    /// Setting `MTLS_URL`: `https://` and a host name that is not the issuer's. Without it nothing about certificates is
    /// offered. `localhost` is for an issuer on `localhost` only.
    pub fn read(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let Some(text) = env.get(Self::SETTING) else {
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
        let Some((_, authority)) = text.split_once("://").filter(|_| text != issuer.as_str()) else {
            return refuse(
                Self::SETTING,
                "is the issuer: clients would be asked for certificates everywhere",
            );
        };
        Ok(Some(Self { url: text.to_owned(), authority: authority.to_owned() }))
    }

    /// The URL of the endpoint at `path` there (`HYG-1-14`).
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// What the request context of a call there has as its domain name: the host, and the port where it is not 443.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}
