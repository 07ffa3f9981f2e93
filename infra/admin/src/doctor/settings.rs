//! The settings, read as the functions read them.

use ciba::aws::Aws;
use ciba::config::{
    AppSettings, CeremonySettings, ConfigError, DpopSettings, Environment, HookSettings, Issuer,
    LoginIssuers, MtlsHost, NotifierSettings, profile, resolver_rules,
};
use ciba::domain::base::profile::Profile;

use super::report::{Check, fault, ok};

pub(super) const AS_DEPLOYED: &str = "set it to the functions' value: Issuer and TableName are outputs of the stack, \
                                      docs/settings.md has the rest";

/// The settings that could be read.
pub(super) struct Settings {
    pub(super) issuer: Option<Issuer>,
    pub(super) login_issuers: Option<LoginIssuers>,
    pub(super) clients: Option<ClientSettings>,
    /// Whether people come from the operator's own function.
    pub(super) has_resolver: bool,
    /// Whether messages on custom channels are delivered. `None` if the setting cannot be read.
    pub(super) has_notifier: Option<bool>,
    pub(super) aws: Option<Aws>,
}

/// The settings that decide which clients are accepted.
pub(super) struct ClientSettings {
    pub(super) profile: Profile,
    pub(super) mtls: Option<MtlsHost>,
}

pub(super) fn look_at_settings(environment: &Environment, checks: &mut Vec<Check>) -> Settings {
    let mut setting = |read: Result<&str, &ConfigError>| {
        checks.push(match read {
            Ok(name) => ok("settings", format!("{name} can be read")),
            Err(error) => fault("settings", error.to_string(), AS_DEPLOYED),
        });
    };
    let issuer = Issuer::read(environment);
    setting(issuer.as_ref().map(|_| Issuer::SETTING));
    let issuer = issuer.ok();
    let login_issuers = issuer.as_ref().map(|issuer| LoginIssuers::read(environment, issuer));
    if let Some(read) = &login_issuers {
        setting(read.as_ref().map(|_| LoginIssuers::SETTING));
    }
    let profile = profile(environment);
    setting(profile.as_ref().map(|_| "PROFILE"));
    // The host must differ from the issuer's, so it cannot be checked without the issuer.
    let mtls = issuer.as_ref().map(|_| MtlsHost::read(environment));
    if let Some(read) = &mtls {
        setting(read.as_ref().map(|_| "MTLS_URL and MTLS_AUTHORITIES"));
    }
    if let Some(issuer) = &issuer {
        setting(CeremonySettings::read(environment, issuer).as_ref().map(|_| "RP_ID and PASSKEY_ORIGINS"));
    }
    let resolver = issuer.as_ref().map(|issuer| HookSettings::user_resolver(environment, issuer));
    if let Some(read) = &resolver {
        setting(read.as_ref().map(|_| "USER_RESOLVER_FUNCTION"));
    }
    if let Some(issuer) = &issuer {
        let policy = HookSettings::request_policy(environment, issuer);
        setting(policy.as_ref().map(|_| "REQUEST_POLICY_FUNCTION"));
    }
    let notifier = issuer.as_ref().map(|issuer| NotifierSettings::read(environment, issuer));
    if let Some(read) = &notifier {
        setting(read.as_ref().map(|_| "USER_NOTIFIER_*"));
    }
    if let (Some(issuer), Some(Ok(login_issuers))) = (&issuer, &login_issuers) {
        let rules = resolver_rules(environment, issuer, login_issuers);
        setting(rules.as_ref().map(|_| "USER_RESOLVER_ISSUERS"));
    }
    setting(AppSettings::read(environment).as_ref().map(|_| "ANDROID_APPS and APPLE_APPS"));
    setting(DpopSettings::read(environment).as_ref().map(|_| "DPOP_*"));
    let aws = Aws::read(environment);
    setting(aws.as_ref().map(|_| "TABLE_NAME and AWS_*"));
    Settings {
        login_issuers: login_issuers.and_then(Result::ok),
        clients: profile
            .ok()
            .zip(mtls.and_then(Result::ok))
            .map(|(profile, mtls)| ClientSettings { profile, mtls }),
        has_resolver: resolver.and_then(Result::ok).flatten().is_some(),
        has_notifier: notifier.and_then(Result::ok).map(|notifier| notifier.is_some()),
        issuer,
        aws: aws.ok(),
    }
}
