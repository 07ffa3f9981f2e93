//! The host at which clients show certificates (RFC 8705).

use url::Url;

use crate::config::{ConfigError, Environment, refuse};

/// The second host of this provider: the same endpoints, behind mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtlsHost {
    url: String,
    authority: String,
}

impl MtlsHost {
    pub const SETTING: &'static str = "MTLS_URL";

    /// Setting `MTLS_URL`. Absent: no client shows certificates.
    pub fn read(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let Some(text) = env.get(Self::SETTING) else { return Ok(None) };
        let url = Url::parse(text).ok().filter(|url| {
            url.scheme() == "https" && url.host_str().is_some() && url.origin().ascii_serialization() == text
        });
        let Some(url) = url else {
            return refuse(Self::SETTING, "is more than https, a host name and a port, or ends with a slash");
        };
        Ok(Some(Self { url: text.to_owned(), authority: url.authority().to_owned() }))
    }

    /// The URL of the endpoint at `path`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The host, with the port where it is not 443.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}
