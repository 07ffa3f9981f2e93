//! Who else's tokens are accepted: login issuers, and the issuers of hint tokens.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use url::Url;

use crate::config::{ConfigError, Environment, Issuer, refuse, setting};
use ciba_core::domain::base::address::is_allowed;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::issuer::hint_issuer::{self, HintIssuer};
use ciba_core::domain::issuer::login_issuer::LoginIssuer;

/// The login issuers whose tokens prove who decides.
#[derive(Clone, Debug, Default)]
pub struct LoginIssuers(Vec<LoginIssuer>);

impl LoginIssuers {
    pub const SETTING: &'static str = setting::LOGIN_ISSUERS.name();

    /// Setting `LOGIN_ISSUERS`: a JSON array of [`LoginIssuer`]. Default: none, and then nobody approves through an app.
    ///
    /// This provider is not a login issuer of its own: a client could approve itself with a token it got here.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Self, ConfigError> {
        let issuers: Vec<LoginIssuer> = json_array(env, setting::LOGIN_ISSUERS)?;
        let foreign = issuers.iter().map(|login| ForeignIssuer {
            issuer: &login.issuer,
            jwks_uri: &login.jwks_uri,
            algorithms: &login.algorithms,
        });
        check_issuers(Self::SETTING, foreign, issuer)?;
        Ok(Self(issuers))
    }

    pub fn as_slice(&self) -> &[LoginIssuer] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = &LoginIssuer> {
        self.0.iter()
    }

    pub fn find(&self, issuer: &str) -> Option<&LoginIssuer> {
        self.0.iter().find(|login| login.issuer == issuer)
    }

    /// Our own `acr` values that some login can reach, for the metadata.
    pub fn acr_values(&self) -> Vec<String> {
        let mut values: Vec<_> = self.0.iter().flat_map(|login| login.acr.values().cloned()).collect();
        values.sort();
        values.dedup();
        values
    }
}

/// The issuers of `login_hint_token`.
#[derive(Clone, Debug, Default)]
pub struct HintIssuers(Vec<HintIssuer>);

impl HintIssuers {
    pub const SETTING: &'static str = setting::HINT_ISSUERS.name();

    /// Setting `HINT_ISSUERS`: a JSON array of [`HintIssuer`]. Default: none, and then no `login_hint_token` is accepted.
    ///
    /// A client holds the hint tokens it sends. None of them may pass for a login token, so an issuer of both
    /// makes them for different audiences.
    pub fn read(
        env: &Environment,
        issuer: &Issuer,
        login_issuers: &LoginIssuers,
    ) -> Result<Self, ConfigError> {
        let name = Self::SETTING;
        let issuers: Vec<HintIssuer> = json_array(env, setting::HINT_ISSUERS)?;
        let foreign = issuers.iter().map(|hints| ForeignIssuer {
            issuer: &hints.issuer,
            jwks_uri: &hints.jwks_uri,
            algorithms: &hints.algorithms,
        });
        check_issuers(name, foreign, issuer)?;
        for hints in &issuers {
            let audience = hints.audience.as_deref().unwrap_or(issuer.as_str());
            if login_issuers.find(&hints.issuer).is_some_and(|login| login.audience.value == audience) {
                return refuse(name, "has an issuer and an audience of LOGIN_ISSUERS");
            }
            if !hint_issuer::MAX_AGE.contains(&hints.max_age_seconds) {
                return refuse(name, "has a max_age_seconds that is not within 1-86400");
            }
        }
        Ok(Self(issuers))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn find(&self, issuer: &str) -> Option<&HintIssuer> {
        self.0.iter().find(|hints| hints.issuer == issuer)
    }
}

/// A JSON array; an absent one is empty.
fn json_array<T: DeserializeOwned>(env: &Environment, setting: setting::Text) -> Result<Vec<T>, ConfigError> {
    let json = setting.get(env).unwrap_or_default();
    serde_json::from_str(json)
        .map_err(|error| ConfigError(format!("{} is not as documented: {error}", setting.name())))
}

/// What all issuers have whose tokens are verified here.
struct ForeignIssuer<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    algorithms: &'a [JwsAlgorithm],
}

/// This provider is none of them, each is there once, and its keys can be fetched.
fn check_issuers<'a>(
    name: &str,
    issuers: impl Iterator<Item = ForeignIssuer<'a>>,
    own: &Issuer,
) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for ForeignIssuer { issuer, jwks_uri, algorithms } in issuers {
        if issuer.trim_end_matches('/') == own.as_str() {
            return refuse(name, "names this provider itself");
        }
        if !seen.insert(issuer) {
            return refuse(name, "names an issuer twice");
        }
        if algorithms.is_empty() {
            return refuse(name, "accepts no algorithm for an issuer");
        }
        let url = Url::parse(jwks_uri).ok();
        if !url.is_some_and(|url| is_allowed(&url, own.is_local())) {
            return refuse(name, "has a jwks_uri that is not https on a host name and port 443");
        }
    }
    Ok(())
}
