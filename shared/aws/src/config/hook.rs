//! Hooks: which functions of the operator ours invoke.

use std::collections::BTreeSet;

use url::Url;

use crate::config::{ConfigError, Environment, Issuer, LoginIssuers, setting, sms_countries};
use ciba_core::domain::base::arn::{Arn, is_name};
use ciba_core::domain::issuer::login_issuer::LoginIssuer;
use ciba_core::domain::person::resolver::Resolver;

/// A function that is invoked as a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFunction {
    /// Its ARN; at an address its name.
    pub name: String,
    /// Where Lambda's API is, if the function does not run on AWS.
    pub address: Option<String>,
}

impl HookFunction {
    /// `arn:aws:lambda:<region>:<account>:function:<name>`, with an alias or version or without. On a local machine
    /// also an address, `http://localhost:<port>/<name>`, where Lambda's API is served: by `cargo lambda watch`, or by
    /// anything that answers a POST.
    fn read(setting: setting::Text, env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        let Some(text) = setting.get(env) else { return Ok(None) };
        let region = setting::AWS_REGION.required(env)?;
        if is_function(text, region) {
            return Ok(Some(Self { name: text.to_owned(), address: None }));
        }
        match local(text).filter(|_| issuer.is_local()) {
            Some(function) => Ok(Some(function)),
            None => setting.refuse("is not the ARN of a function in this region"),
        }
    }
}

/// Whether this is the ARN of a function in `region`.
fn is_function(text: &str, region: &str) -> bool {
    let arn = Arn::parse(text).filter(|arn| arn.service == "lambda" && arn.region == region);
    arn.is_some_and(|arn| match arn.resource.split(':').collect::<Vec<_>>()[..] {
        ["function", name] => is_name(name),
        ["function", name, qualifier] => is_name(name) && is_name(qualifier),
        _ => false,
    })
}

fn local(text: &str) -> Option<HookFunction> {
    let url = Url::parse(text).ok()?;
    let is_local = url.scheme() == "http" && url.host_str() == Some("localhost");
    let name = url.path().strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/'))?;
    is_local
        .then(|| HookFunction { name: name.to_owned(), address: Some(url.origin().ascii_serialization()) })
}

/// A hook.
#[derive(Clone, Debug)]
pub struct HookSettings {
    pub function: HookFunction,
    /// The namespace of its metrics.
    pub namespace: String,
}

impl HookSettings {
    /// The hook that resolves hints to people, if the operator has one.
    pub fn user_resolver(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        Self::read(setting::USER_RESOLVER_FUNCTION, env, issuer)
    }

    /// The hook that applies the operator's own rules to a request, if the operator has one.
    pub fn request_policy(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        Self::read(setting::REQUEST_POLICY_FUNCTION, env, issuer)
    }

    /// The hook that delivers messages on channels of kind `custom`, if the operator has one.
    pub fn user_notifier(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        Self::read(setting::USER_NOTIFIER_FUNCTION, env, issuer)
    }

    fn read(setting: setting::Text, env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        let namespace = setting::METRIC_NAMESPACE.get(env).unwrap_or_default().to_owned();
        let function = HookFunction::read(setting, env, issuer)?;
        Ok(function.map(|function| Self { function, namespace }))
    }
}

/// The hook that delivers messages on channels of kind `custom`.
#[derive(Clone, Debug)]
pub struct NotifierSettings {
    pub hook: HookSettings,
    /// Whether it gets to know what is asked, beside the link.
    pub shows_request: bool,
}

impl NotifierSettings {
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        let shows_request = setting::USER_NOTIFIER_CONTENT.is(env, "full")?;
        Ok(HookSettings::user_notifier(env, issuer)?.map(|hook| Self { hook, shows_request }))
    }

    /// For messages that are about no request.
    pub fn of_news(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        Ok(HookSettings::user_notifier(env, issuer)?.map(|hook| Self { hook, shows_request: false }))
    }
}

/// The rules for the people whom the resolver describes.
///
/// Setting `USER_RESOLVER_ISSUERS` lists login issuers. Without it, these people have no login.
pub fn resolver_rules(
    env: &Environment,
    issuer: &Issuer,
    login_issuers: &LoginIssuers,
) -> Result<Resolver, ConfigError> {
    let setting = setting::USER_RESOLVER_ISSUERS;
    let names: BTreeSet<_> = setting.get(env).unwrap_or_default().split_whitespace().collect();
    if !names.is_empty() && setting::USER_RESOLVER_FUNCTION.get(env).is_none() {
        return setting.refuse("is set, but USER_RESOLVER_FUNCTION is not");
    }
    let issuers = names.iter().map(|name| login_issuers.find(name).cloned());
    let Some(issuers) = issuers.collect::<Option<Vec<_>>>() else {
        return setting.refuse("contains an issuer that is not in LOGIN_ISSUERS");
    };
    let introduces = |issuer: &LoginIssuer| issuer.browser.as_ref().is_some_and(|it| it.new_people.is_some());
    // Whom a login introduces is the directory's: people would take themselves away from the resolver.
    if issuers.iter().any(introduces) {
        return setting.refuse("contains an issuer whose logins introduce people (new_people)");
    }
    Ok(Resolver { own: issuer.as_str().to_owned(), issuers, countries: sms_countries(env)? })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::setting::Setting;
    use ciba_core::domain::person::resolved::BELIEVED_FOR;

    const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:resolver:live";

    fn environment(issuer: &str, settings: &[(&str, &str)]) -> (Environment, Issuer) {
        let login = r#"[{"issuer": "https://login.example", "jwks_uri": "https://login.example/jwks",
            "algorithms": ["ES256"], "audience": {"claim": "aud", "value": "app"}}]"#;
        let all = [("ISSUER", issuer), ("AWS_REGION", "us-east-1"), ("LOGIN_ISSUERS", login)];
        let env = Environment::of(all.into_iter().chain(settings.iter().copied()));
        let issuer = Issuer::read(&env).unwrap();
        (env, issuer)
    }

    fn function(issuer: &str, text: &str) -> Option<HookFunction> {
        let (env, issuer) = environment(issuer, &[("USER_RESOLVER_FUNCTION", text)]);
        HookSettings::user_resolver(&env, &issuer).ok()?.map(|settings| settings.function)
    }

    fn rules(settings: &[(&str, &str)]) -> Result<Vec<String>, ConfigError> {
        let (env, issuer) = environment("https://op.example", settings);
        let rules = resolver_rules(&env, &issuer, &LoginIssuers::read(&env, &issuer).unwrap())?;
        Ok(rules.issuers.into_iter().map(|known| known.issuer).collect())
    }

    /// HOOK-2-03
    #[test]
    fn a_hook_is_the_exact_arn_of_a_function_of_the_region() {
        let issuer = "https://op.example";
        let found = |text: &str| function(issuer, text).map(|function| (function.name, function.address));
        for arn in [ARN, "arn:aws-cn:lambda:us-east-1:123456789012:function:my_fn"] {
            assert_eq!(found(arn), Some((arn.to_owned(), None)));
        }
        for text in [
            "resolver",
            "arn:aws:lambda:eu-west-1:123456789012:function:resolver",
            "arn:aws:lambda:us-east-1:12345:function:resolver",
            "arn:aws:lambda:us-east-1:123456789012:function:resolver:live:1",
            "arn:aws:lambda:us-east-1:123456789012:function:*",
            "arn:aws:lambda:us-east-1:123456789012:layer:resolver",
            "arn:aws:sns:us-east-1:123456789012:function:resolver",
            "http://localhost:7001/resolver",
            "https://op.example/resolver",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    /// An address is not authenticated, so it is for a local machine only.
    #[test]
    fn an_address_of_a_hook_is_local() {
        let local = "http://localhost:9000";
        let expected =
            HookFunction { name: "resolver".to_owned(), address: Some("http://localhost:7001".to_owned()) };
        assert_eq!(function(local, "http://localhost:7001/resolver"), Some(expected));
        assert!(function(local, ARN).is_some());
        for text in [
            "http://example.com/resolver",
            "http://localhost:7001/",
            "http://localhost/a/b",
            "ftp://localhost/a",
        ] {
            assert_eq!(function(local, text), None, "{text}");
        }
    }

    /// HOOK-1-06: so a redemption has to ask nobody, and its function invokes nothing.
    #[test]
    fn what_a_resolver_said_counts_until_the_request_ends() {
        let longest = setting::MAX_REQUEST_EXPIRY_SECONDS.described().range.unwrap();
        let most = longest.rsplit('–').next().and_then(|seconds| seconds.parse().ok()).unwrap();
        assert!(Duration::from_secs(most) <= BELIEVED_FOR, "{longest}");
    }

    /// ATK-3-04
    #[test]
    fn a_resolver_speaks_for_configured_login_issuers() {
        let issuers =
            |issuers: &str| rules(&[("USER_RESOLVER_FUNCTION", ARN), ("USER_RESOLVER_ISSUERS", issuers)]);
        assert_eq!(issuers(""), Ok(vec![]));
        assert_eq!(issuers("https://login.example"), Ok(vec!["https://login.example".to_owned()]));
        for unknown in
            ["https://login.example/", "https://login.example https://other.example", "https://op.example"]
        {
            assert!(issuers(unknown).is_err(), "{unknown}");
        }
        assert!(rules(&[("USER_RESOLVER_ISSUERS", "https://login.example")]).is_err());
        assert_eq!(rules(&[]), Ok(vec![]));
        // Whom a login introduces is the directory's.
        let login = r#"[{"issuer": "https://login.example", "jwks_uri": "https://login.example/jwks",
            "algorithms": ["ES256"], "audience": {"claim": "aud", "value": "app"},
            "browser": {"client_id": "page", "label": "acme", "name": "Acme", "client_secret": "c2VhbGVk", "new_people": {}}}]"#;
        let settings = [
            ("USER_RESOLVER_FUNCTION", ARN),
            ("USER_RESOLVER_ISSUERS", "https://login.example"),
            ("LOGIN_ISSUERS", login),
        ];
        let refused = rules(&settings).unwrap_err().to_string();
        assert!(refused.contains("new_people"), "{refused}");
    }
}
