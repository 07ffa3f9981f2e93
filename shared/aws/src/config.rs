//! Settings: the only reader of the environment.
//!
//! Each function reads the groups of settings it uses. If a setting is out of range, the function does not start
//! and the error names the setting. The same applies to values that are safe in local development only, unless
//! the issuer's host is `localhost`.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

mod app;
mod client_assertion;
mod decision;
mod delivery;
mod dpop;
mod event;
mod foreign_issuer;
mod hook;
mod issuer;
mod key;
mod mtls;
mod notification;
mod operator;
mod passkey;
mod profile;
mod request;
pub mod setting;
mod token;
mod witness;

pub use app::AppSettings;
pub use client_assertion::client_assertion_lifetime;
pub use decision::{DecisionSettings, login_max_age};
pub use delivery::DeliverySettings;
pub use dpop::DpopSettings;
pub use event::EventSettings;
pub use foreign_issuer::{HintIssuers, LoginIssuers};
pub use hook::{HookFunction, HookSettings, NotifierSettings, resolver_rules};
pub use issuer::Issuer;
pub use key::{KeySettings, SigningKeys};
pub use mtls::MtlsHost;
pub use notification::{NotificationSettings, SmsSettings, operator_name, sms_countries};
pub use operator::OperatorSettings;
pub use passkey::{CeremonySettings, PasskeySettings};
pub use profile::profile;
pub use request::{HintSettings, RequestSettings};
pub use token::TokenSettings;
pub use witness::WitnessSettings;

/// A setting is missing or invalid. The function does not start.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting {}", self.0)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    fn missing(name: &str) -> Self {
        Self(format!("{name} is missing"))
    }

    /// The setting `name` is invalid, or something built from the settings, such as an HTTP client, could not be
    /// set up.
    pub fn of(name: &str, why: &str) -> Self {
        Self(format!("{name}: {why}"))
    }
}

fn refuse<T>(name: &str, why: &str) -> Result<T, ConfigError> {
    Err(ConfigError::of(name, why))
}

/// How calls to AWS wait for timeouts and between attempts. This is Tokio's timer unless a test supplies its own,
/// so that no test fails because the machine is busy, or has to wait for the timeout that it tests.
pub trait Wait: fmt::Debug + Send + Sync {
    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
}

/// The source of the settings: the process, or a test's list. It records which settings were read, so that a test
/// can compare them with `template.yaml`.
pub struct Environment {
    values: HashMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
    wait: Option<Arc<dyn Wait>>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
    pub fn of_the_process() -> Self {
        Self::of(std::env::vars())
    }

    pub fn of(settings: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let values = settings.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, asked: RefCell::default(), wait: None }
    }

    /// The same settings with a test's own [`Wait`].
    pub fn waiting(self, wait: impl Wait + 'static) -> Self {
        Self { wait: Some(Arc::new(wait)), ..self }
    }

    pub(crate) fn wait(&self) -> Option<Arc<dyn Wait>> {
        self.wait.clone()
    }

    /// An empty setting counts as absent, because a template cannot leave a variable out.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names of all settings that were read, whether they are set or not.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }
}

#[cfg(test)]
mod tests;
