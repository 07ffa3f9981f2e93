//! The provider's issuer identifier.

use url::Url;

use crate::config::{ConfigError, Environment, refuse, setting};

/// This provider's issuer identifier: an https URL without path, query or fragment and without a trailing slash,
/// byte for byte the `iss` of every token (OIDC Discovery §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    host: String,
    is_local: bool,
}

impl Issuer {
    pub const SETTING: &'static str = setting::ISSUER.name();

    /// Setting `ISSUER`, required. `http` is accepted for the host `localhost` only.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let text = setting::ISSUER.required(env)?;
        let url = Url::parse(text).ok();
        let Some((url, host)) = url.and_then(|url| Some((url.clone(), url.host_str()?.to_owned()))) else {
            return refuse(Self::SETTING, "is not a URL");
        };
        let is_local = host == "localhost";
        if url.scheme() != "https" && !(is_local && url.scheme() == "http") {
            return refuse(Self::SETTING, "is not https; http is allowed for the host localhost only");
        }
        // The routes are fixed, so a path would lead to endpoints that do not exist.
        if text != url.origin().ascii_serialization() {
            return refuse(
                Self::SETTING,
                "must be https, a host name and an optional port, without a trailing slash",
            );
        }
        Ok(Self { text: text.to_owned(), host, is_local })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of the endpoint at `path`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether settings that are safe in local development only are accepted.
    pub fn is_local(&self) -> bool {
        self.is_local
    }
}
