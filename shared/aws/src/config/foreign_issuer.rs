//! The other issuers whose tokens are accepted: login issuers, and issuers of `login_hint_token`.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use url::Url;

use crate::config::{ConfigError, Environment, Issuer, refuse, setting};
use ciba_core::domain::base::address::is_allowed;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::issuer::hint_issuer::{self, HintIssuer};
use ciba_core::domain::issuer::login_issuer::LoginIssuer;

/// The login issuers, whose tokens prove which person decides.
#[derive(Clone, Debug, Default)]
pub struct LoginIssuers(Vec<LoginIssuer>);

impl LoginIssuers {
    pub const SETTING: &'static str = setting::LOGIN_ISSUERS.name();

    /// Setting `LOGIN_ISSUERS`: a JSON array of [`LoginIssuer`]. Default: empty, so nobody can approve through an
    /// app.
    ///
    /// This provider cannot be its own login issuer: a client could approve its own request with a token that it
    /// received here.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Self, ConfigError> {
        let issuers: Vec<LoginIssuer> = json_array(env, setting::LOGIN_ISSUERS)?;
        let foreign = issuers.iter().map(|login| ForeignIssuer {
            issuer: &login.issuer,
            jwks_uri: &login.jwks_uri,
            algorithms: &login.algorithms,
        });
        check_issuers(Self::SETTING, foreign, issuer)?;
        let mut labels = BTreeSet::new();
        for (login, browser) in issuers.iter().filter_map(|login| Some((login, login.browser.as_ref()?))) {
            let checked = browser.check(&login.audience.value, &login.person_claim);
            checked.map_err(|why| ConfigError::of(Self::SETTING, why))?;
            if !labels.insert(&browser.label) {
                return refuse(Self::SETTING, "contains a browser.label twice");
            }
        }
        Ok(Self(issuers))
    }

    /// Whether people can log in on the page anywhere.
    pub fn have_browser(&self) -> bool {
        self.0.iter().any(|login| login.browser.is_some())
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

    /// Our own `acr` values that at least one login can achieve, for the metadata.
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

    /// Setting `HINT_ISSUERS`: a JSON array of [`HintIssuer`]. Default: empty, so no `login_hint_token` is
    /// accepted.
    ///
    /// A client holds the hint tokens it sends, and none of them may be usable as a login token. An issuer of both
    /// therefore needs a different audience for each kind.
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
                return refuse(name, "contains an issuer with the same audience as in LOGIN_ISSUERS");
            }
            if !hint_issuer::MAX_AGE.contains(&hints.max_age_seconds) {
                return refuse(name, "contains a max_age_seconds that is not within 1-86400");
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

/// Parses a JSON array. If the setting is not set, the array is empty.
fn json_array<T: DeserializeOwned>(env: &Environment, setting: setting::Text) -> Result<Vec<T>, ConfigError> {
    let json = setting.get(env).unwrap_or_default();
    serde_json::from_str(json).map_err(|error| {
        ConfigError(format!("{} does not have the documented form: {error}", setting.name()))
    })
}

/// The properties that login issuers and hint issuers have in common.
struct ForeignIssuer<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    algorithms: &'a [JwsAlgorithm],
}

/// Checks that this provider is not among the issuers, that none is listed twice, and that their keys can be
/// fetched.
fn check_issuers<'a>(
    name: &str,
    issuers: impl Iterator<Item = ForeignIssuer<'a>>,
    own: &Issuer,
) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for ForeignIssuer { issuer, jwks_uri, algorithms } in issuers {
        if issuer.trim_end_matches('/') == own.as_str() {
            return refuse(name, "contains this provider itself");
        }
        if !seen.insert(issuer) {
            return refuse(name, "contains an issuer twice");
        }
        if algorithms.is_empty() {
            return refuse(name, "lists no algorithm for an issuer");
        }
        let url = Url::parse(jwks_uri).ok();
        if !url.is_some_and(|url| is_allowed(&url, own.is_local())) {
            return refuse(name, "contains a jwks_uri that is not an https URL with a host name on port 443");
        }
    }
    Ok(())
}
