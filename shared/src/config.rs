//! Settings: the only reader of the environment.
//!
//! Each function asks for the groups of settings it uses. A setting out of its range stops the function at
//! its start, with the name of the setting; so does anything that is fit for one's own machine only, unless
//! the issuer's host is `localhost`.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use crate::domain::address::is_allowed;
use crate::domain::asks::{AskLimits, MAX_REMEMBERED};
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::binding_message::BindingMessage;
use crate::domain::grant::RefreshLifetime;
use crate::domain::hint_issuer::{self, HintIssuer};
use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::domain::lifetime::{LifetimeSettings, MIN_EXPIRY};
use crate::domain::login_issuer::LoginIssuer;
use crate::domain::notification::{MessageText, Notification};
use crate::domain::request_key::RequestKey;
use crate::domain::sms::{MaxPrice, SenderId, SmsCountries};
use crate::domain::time::Timestamp;
use crate::protocol::routes;

/// A setting is missing or out of its range. The function does not start.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting {}", self.0)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What follows from the settings does not work, such as an HTTP client.
    pub fn of(name: &str, why: &str) -> Self {
        Self(format!("{name}: {why}"))
    }
}

fn refuse<T>(name: &str, why: &str) -> Result<T, ConfigError> {
    Err(ConfigError::of(name, why))
}

/// Where settings come from: the process, or a test's list. It remembers what it was asked for, so that a
/// test can hold `template.yaml` against it.
pub struct Environment {
    values: HashMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
    pub fn of_the_process() -> Self {
        Self::of(std::env::vars())
    }

    pub fn of(settings: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let values = settings.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, asked: RefCell::default() }
    }

    /// An empty setting counts as absent: a template cannot leave one out.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names of all settings that were asked for, whether they were there or not.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ConfigError> {
        self.get(name).ok_or_else(|| ConfigError(format!("{name} is missing")))
    }

    fn number(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let value = match self.get(name) {
            None => default,
            Some(text) => text.parse().or_else(|_| refuse(name, "is not a whole number"))?,
        };
        if range.contains(&value) {
            return Ok(value);
        }
        refuse(name, &format!("is not within {}-{}", range.start(), range.end()))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => refuse(name, "is neither true nor false"),
        }
    }

    fn seconds(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.number(name, default, range).map(Duration::from_secs)
    }

    fn days(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.number(name, default, range).map(|days| Duration::from_secs(days * 24 * 60 * 60))
    }
}

/// This provider's name: an https URL without query and fragment, and without a slash at its end, byte for
/// byte the `iss` of every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    is_local: bool,
}

impl Issuer {
    pub const SETTING: &'static str = "ISSUER";

    /// Setting `ISSUER`, required. `http` is accepted for the host `localhost` only.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let text = env.required(Self::SETTING)?;
        let Some(url) = Url::parse(text).ok().filter(|url| url.host_str().is_some()) else {
            return refuse(Self::SETTING, "is not a URL");
        };
        let is_local = url.host_str() == Some("localhost");
        if url.scheme() != "https" && !(is_local && url.scheme() == "http") {
            return refuse(Self::SETTING, "is not https; http is for the host localhost only");
        }
        // The routes are fixed, so a path would name endpoints that do not exist.
        if text != url.origin().ascii_serialization() {
            return refuse(Self::SETTING, "is more than https, a host name and a port, or ends with a slash");
        }
        Ok(Self { text: text.to_owned(), is_local })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether settings that are fit for one's own machine only are accepted.
    pub fn is_local(&self) -> bool {
        self.is_local
    }
}

/// What an authentication request may be like.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    pub lifetime: LifetimeSettings,
    pub limits: AskLimits,
}

impl RequestSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `REQUEST_EXPIRY_SECONDS` | s | 10–600 | 120 |
    /// | `MAX_REQUEST_EXPIRY_SECONDS` | s | the former–600 | 600 |
    /// | `POLL_INTERVAL_SECONDS` | s | 1–60 | 5 |
    /// | `ASKS_PER_TEN_MINUTES` | requests per person | 1–16 | 3 |
    /// | `ASKS_PER_DAY` | requests per person | 1–16 | 10 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let default_expiry = env.seconds("REQUEST_EXPIRY_SECONDS", 120, MIN_EXPIRY.as_secs()..=600)?;
        let limit = |name, default| {
            env.number(name, default, 1..=MAX_REMEMBERED as u64).map(|n| usize::try_from(n).unwrap_or(1))
        };
        Ok(Self {
            lifetime: LifetimeSettings {
                default_expiry,
                max_expiry: env.seconds("MAX_REQUEST_EXPIRY_SECONDS", 600, default_expiry.as_secs()..=600)?,
                interval: env.seconds("POLL_INTERVAL_SECONDS", 5, 1..=60)?,
            },
            limits: AskLimits {
                per_ten_minutes: limit("ASKS_PER_TEN_MINUTES", 3)?,
                per_day: limit("ASKS_PER_DAY", 10)?,
            },
        })
    }
}

/// Setting `SMS_COUNTRIES`: the countries to which an SMS may go ([`SmsCountries::parse`]). Default: `+1`.
///
/// A list and not every country, because whoever can enrol numbers could make their traffic cost money (`ATK-7-01`).
pub fn sms_countries(env: &Environment) -> Result<SmsCountries, ConfigError> {
    let name = "SMS_COUNTRIES";
    let countries = SmsCountries::parse(env.get(name).unwrap_or("+1"));
    countries.map_or_else(|| refuse(name, "is not * or calling codes of countries, such as +1,+44"), Ok)
}

/// What an SMS is like, beside its text.
#[derive(Clone, Debug)]
pub struct SmsSettings {
    pub countries: SmsCountries,
    pub sender_id: Option<SenderId>,
    pub max_price: Option<MaxPrice>,
}

impl SmsSettings {
    /// | setting | what | unit | range | default |
    /// |---|---|---|---|---|
    /// | `SMS_COUNTRIES` | where an SMS may go | calling codes | [`SmsCountries::parse`] | `+1` |
    /// | `SMS_SENDER_ID` | the sender that a phone shows | | [`SenderId::parse`] | the account's |
    /// | `SMS_MAX_PRICE` | what one SMS may cost at most | USD | 0.00001–10 | the account's limits alone |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let sender_id = env.get("SMS_SENDER_ID").map(|text| {
            let why = "is not 1-11 letters and digits, with a letter among them";
            SenderId::parse(text).map_or_else(|| refuse("SMS_SENDER_ID", why), Ok)
        });
        let max_price = env.get("SMS_MAX_PRICE").map(|text| {
            let why = "is not within 0.00001-10 USD, with at most 5 decimals";
            MaxPrice::parse(text).map_or_else(|| refuse("SMS_MAX_PRICE", why), Ok)
        });
        Ok(Self {
            countries: sms_countries(env)?,
            sender_id: sender_id.transpose()?,
            max_price: max_price.transpose()?,
        })
    }
}

/// What the message to the person says.
#[derive(Clone, Debug)]
pub struct NotificationSettings {
    operator_name: String,
    consent_url: String,
    sms_shows_request: bool,
}

impl NotificationSettings {
    /// | setting | what | range | default |
    /// |---|---|---|---|
    /// | `OPERATOR_NAME` | who the message is from, in the person's eyes | 1–64 characters | required |
    /// | `CONSENT_URL` | what the link begins with | https | `<ISSUER>/consent` |
    /// | `SMS_SHOWS_REQUEST` | whether an SMS names the client and has the binding message, where it stays one SMS | `true`, `false` | `false` |
    ///
    /// Name and link must leave the text within one SMS.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Self, ConfigError> {
        let consent_url = match env.get("CONSENT_URL") {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}{}", issuer.as_str(), routes::CONSENT),
        };
        if !consent_url.starts_with("https://") && !issuer.is_local() {
            return refuse("CONSENT_URL", "is not https");
        }
        let operator_name = env.required("OPERATOR_NAME")?.to_owned();
        // It is in the subject of an e-mail, too: one line, of less than 100 characters.
        if operator_name.chars().count() > 64 || operator_name.contains(char::is_control) {
            return refuse("OPERATOR_NAME", "is longer than 64 characters, or has a control character");
        }
        let settings =
            Self { operator_name, consent_url, sms_shows_request: env.flag("SMS_SHOWS_REQUEST", false)? };
        if !settings.text(&RequestKey::from_bytes([0; RequestKey::BYTES])).fits_one_segment() {
            return refuse(
                "OPERATOR_NAME",
                "and CONSENT_URL do not fit into one SMS of 160 GSM-7 characters",
            );
        }
        Ok(settings)
    }

    /// What the person asked is told at `now`.
    pub fn notification(
        &self,
        request: &AuthenticationRequest,
        client_name: &str,
        now: Timestamp,
    ) -> Notification {
        Notification {
            operator_name: self.operator_name.clone(),
            request: request.key,
            person: request.person.clone(),
            text: self.text(&request.key),
            sms: self.sms(request, client_name),
            expires_at: request.lifetime.expires_at,
            time_left: request.lifetime.expires_at.since(now),
        }
    }

    /// The text with the request, by setting and where it is one SMS; else the one that always is.
    fn sms(&self, request: &AuthenticationRequest, client_name: &str) -> MessageText {
        let message = request.binding_message.as_ref().map(BindingMessage::as_str);
        let link = self.link(&request.key);
        let with_request = MessageText::with_request(&self.operator_name, client_name, message, &link);
        match self.sms_shows_request && with_request.fits_one_segment() {
            true => with_request,
            false => self.text(&request.key),
        }
    }

    fn text(&self, request: &RequestKey) -> MessageText {
        MessageText::new(&self.operator_name, &self.link(request))
    }

    fn link(&self, request: &RequestKey) -> String {
        format!("{}/{}", self.consent_url, request.encode())
    }
}

/// The login issuers whose tokens prove who decides.
#[derive(Clone, Debug, Default)]
pub struct LoginIssuers(Vec<LoginIssuer>);

impl LoginIssuers {
    pub const SETTING: &'static str = "LOGIN_ISSUERS";

    /// Setting `LOGIN_ISSUERS`: a JSON array of [`LoginIssuer`]. Default: none, and then nobody can decide.
    ///
    /// This provider is not a login issuer of its own: a client could approve itself with a token it got here.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Self, ConfigError> {
        let issuers: Vec<LoginIssuer> = json_array(env, Self::SETTING)?;
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

/// A JSON array; an absent one is empty.
fn json_array<T: DeserializeOwned>(env: &Environment, name: &str) -> Result<Vec<T>, ConfigError> {
    let Some(json) = env.get(name) else { return Ok(vec![]) };
    serde_json::from_str(json).map_err(|error| ConfigError(format!("{name} is not as documented: {error}")))
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

/// The issuers of `login_hint_token`.
#[derive(Clone, Debug, Default)]
pub struct HintIssuers(Vec<HintIssuer>);

impl HintIssuers {
    pub const SETTING: &'static str = "HINT_ISSUERS";

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
        let issuers: Vec<HintIssuer> = json_array(env, name)?;
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

/// How hints are judged.
#[derive(Clone, Copy, Debug)]
pub struct HintSettings {
    pub id_token_hint_max_age: Duration,
}

impl HintSettings {
    /// | setting | what | unit | range | default |
    /// |---|---|---|---|---|
    /// | `ID_TOKEN_HINT_MAX_AGE_DAYS` | how long after its issue an ID token is accepted as a hint | days | 1–400 | 90 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { id_token_hint_max_age: env.days("ID_TOKEN_HINT_MAX_AGE_DAYS", 90, 1..=400)? })
    }
}

/// What tokens are like.
#[derive(Clone, Copy, Debug)]
pub struct TokenSettings {
    pub id_token_lifetime: Duration,
    pub access_token_lifetime: Duration,
    pub refresh: RefreshLifetime,
}

impl TokenSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `ID_TOKEN_LIFETIME_SECONDS` | s | 60–3600 | 300 |
    /// | `ACCESS_TOKEN_LIFETIME_SECONDS` | s | 60–3600 | 600 |
    /// | `REFRESH_TOKEN_LIFETIME_DAYS` | days | 1–365 | 90 |
    /// | `REFRESH_TOKEN_IDLE_DAYS` | days | 1–365 | 14 |
    /// | `REFRESH_TOKEN_GRACE_SECONDS` | s | 0–60 | 20 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            id_token_lifetime: env.seconds("ID_TOKEN_LIFETIME_SECONDS", 300, 60..=3600)?,
            access_token_lifetime: env.seconds("ACCESS_TOKEN_LIFETIME_SECONDS", 600, 60..=3600)?,
            refresh: RefreshLifetime {
                lifetime: env.days("REFRESH_TOKEN_LIFETIME_DAYS", 90, 1..=365)?,
                idle: env.days("REFRESH_TOKEN_IDLE_DAYS", 14, 1..=365)?,
                grace: env.seconds("REFRESH_TOKEN_GRACE_SECONDS", 20, 0..=60)?,
            },
        })
    }
}

/// What a decision rests on, and how long its evidence is kept.
#[derive(Clone, Copy, Debug)]
pub struct DecisionSettings {
    pub login_max_age: Duration,
    pub evidence_retention: Duration,
}

impl DecisionSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `LOGIN_MAX_AGE_SECONDS` | s | 30–3600 | 300 |
    /// | `EVIDENCE_RETENTION_DAYS` | days | 1–3650 | 400 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            login_max_age: env.seconds("LOGIN_MAX_AGE_SECONDS", 300, 30..=3600)?,
            evidence_retention: env.days("EVIDENCE_RETENTION_DAYS", 400, 1..=3650)?,
        })
    }
}

/// How keys are made.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub kms_key: String,
    pub rotate_every: Duration,
}

impl KeySettings {
    /// | setting | what | range | default |
    /// |---|---|---|---|
    /// | `KMS_KEY_ID` | the KMS key that encrypts the data key | | required |
    /// | `SIGNING_KEY_ROTATION_DAYS` | days until a successor signs | 1–365 | 90 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            kms_key: env.required("KMS_KEY_ID")?.to_owned(),
            rotate_every: env.days("SIGNING_KEY_ROTATION_DAYS", 90, 1..=365)?,
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
