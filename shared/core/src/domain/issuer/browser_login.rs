//! The settings of login in the browser: how this provider is registered at a login issuer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::scope::Scope;
use crate::domain::issuer::new_people::NewPeople;

/// The member `browser` of a login issuer: how people log in there on the page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserLogin {
    /// This provider's `client_id` at the issuer.
    pub client_id: String,
    /// The name by which a client selects this issuer: `idp:<label>` in `acr_values`.
    pub label: String,
    /// The name that the person reads.
    pub name: String,
    /// The scope to request. Default: `openid`.
    #[serde(default = "openid")]
    pub scope: String,
    /// This provider's client secret at the issuer, encrypted by KMS for this issuer alone, in base64. Default: none,
    /// and the provider authenticates with a key of its own (`private_key_jwt`).
    pub client_secret: Option<String>,
    /// The audience of what it authenticates with if it has no secret. Default: the issuer.
    pub assertion_audience: Option<AssertionAudience>,
    /// Whether to request a new login each time (`prompt=login`), for an issuer that ignores `max_age`. Default:
    /// `false`.
    #[serde(default)]
    pub prompt_login: bool,
    /// The logins after which people may set up a passkey by themselves. Default: none.
    pub self_enrollment: Option<SelfEnrollment>,
    /// Whether a login registers a person whom the directory does not know, and what is then believed of them. Default:
    /// nobody is registered.
    pub new_people: Option<NewPeople>,
}

/// What an issuer wants to read in `aud` of an assertion (`private_key_jwt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// Its name, which no other issuer can claim.
    #[default]
    Issuer,
    /// The URL of its token endpoint, which older servers expect (OIDC Core §9).
    TokenEndpoint,
}

/// What a login must have before its person may set up a passkey, by this provider's names of classes and methods: any
/// of the classes, and all of the methods.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfEnrollment {
    #[serde(default)]
    acr: Vec<String>,
    #[serde(default)]
    amr: Vec<String>,
}

impl SelfEnrollment {
    pub fn allows(&self, login: &Authentication) -> bool {
        let has_class =
            self.acr.is_empty() || login.acr.as_ref().is_some_and(|acr| self.acr.iter().any(|it| it == acr));
        has_class && self.amr.iter().all(|method| login.amr.contains(method))
    }
}

fn openid() -> String {
    Scope::OPENID.to_owned()
}

impl BrowserLogin {
    /// `audience` is the one of the issuer's login tokens, and `person_claim` the claim that identifies its people.
    ///
    /// # Errors
    /// What is wrong with the setting, for the operator.
    pub fn check(&self, audience: &str, person_claim: &str) -> Result<(), &'static str> {
        let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&self.label.len()) || !self.label.bytes().all(is_label) {
            return Err("has a browser.label that is not 1-32 lowercase letters, digits and hyphens");
        }
        if !(1..=64).contains(&self.name.chars().count()) || self.name.chars().any(char::is_control) {
            return Err("has a browser.name that is not 1-64 characters on one line");
        }
        if self.client_id.is_empty() || !self.client_id.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
            return Err("has a browser.client_id that is not printable ASCII");
        }
        // Otherwise the ID token of a login on the page would also be a login token for the consent API.
        if self.client_id == audience {
            return Err("has a browser.client_id that is its audience; register a second client");
        }
        if !Scope::parse(&self.scope).is_some_and(|scope| scope.contains(Scope::OPENID)) {
            return Err("has a browser.scope without openid");
        }
        if self.client_secret.as_ref().is_some_and(|sealed| STANDARD.decode(sealed).is_err()) {
            return Err("has a browser.client_secret that is not base64");
        }
        if self.client_secret.is_some() && self.assertion_audience.is_some() {
            return Err("has a browser.assertion_audience, which its browser.client_secret makes useless");
        }
        // Otherwise a password alone would be enough to set up a passkey.
        if self.self_enrollment.as_ref().is_some_and(|it| it.acr.is_empty() && it.amr.is_empty()) {
            return Err("has a browser.self_enrollment that names neither acr nor amr");
        }
        // Any other claim can be given to somebody else later, who would then be the person registered here.
        if self.new_people.is_some() && person_claim != "sub" {
            return Err(
                "has browser.new_people and a person_claim other than sub, which alone is never reassigned",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(member: &str, value: Value) -> Result<(), &'static str> {
        let mut all = json!({"client_id": "ciba-page", "label": "acme", "name": "Acme"});
        all[member] = value;
        let browser: BrowserLogin = serde_json::from_value(all).unwrap();
        browser.check("approval-app", "sub")
    }

    /// ATK-5-05
    #[test]
    fn each_rule_refuses_the_setting_that_breaks_it() {
        for (member, value, why) in [
            ("label", json!(""), "browser.label"),
            ("label", json!("Acme"), "browser.label"),
            ("label", json!("acme login"), "browser.label"),
            ("label", json!("a".repeat(33)), "browser.label"),
            ("name", json!(""), "browser.name"),
            ("name", json!("Acme\nlogin"), "browser.name"),
            ("name", json!("a".repeat(65)), "browser.name"),
            ("client_id", json!(""), "browser.client_id"),
            ("client_id", json!("bücher"), "browser.client_id"),
            ("client_id", json!("approval-app"), "second client"),
            ("scope", json!("profile"), "without openid"),
            ("scope", json!(""), "without openid"),
            ("client_secret", json!("not base64!"), "not base64"),
            ("self_enrollment", json!({}), "neither acr nor amr"),
            ("self_enrollment", json!({"acr": [], "amr": []}), "neither acr nor amr"),
        ] {
            let refused = check(member, value.clone()).expect_err(&value.to_string());
            assert!(refused.contains(why), "{member} {value}: {refused}");
        }
        for (member, value) in [
            ("label", json!("acme-2")),
            ("name", json!("Acme Login — Straße")),
            ("scope", json!("openid email")),
            ("client_secret", json!("c2VhbGVk")),
            ("assertion_audience", json!("token_endpoint")),
            ("client_id", json!("https://op.example/ page")),
            ("prompt_login", json!(true)),
            ("self_enrollment", json!({"amr": ["otp"]})),
            ("new_people", json!({})),
        ] {
            assert_eq!(check(member, value.clone()), Ok(()), "{member} {value}");
        }
    }

    /// RP-3-02, ATK-3-04: an address or a user name may be another person's tomorrow.
    #[test]
    fn new_people_are_named_by_sub_and_nothing_else() {
        let browser = json!({"client_id": "ciba-page", "label": "acme", "name": "Acme", "new_people": {}});
        let browser: BrowserLogin = serde_json::from_value(browser).unwrap();
        assert_eq!(browser.check("approval-app", "sub"), Ok(()));
        for claim in ["email", "oid", "preferred_username"] {
            let refused = browser.check("approval-app", claim).expect_err(claim);
            assert!(refused.contains("person_claim other than sub"), "{refused}");
        }
    }

    #[test]
    fn a_secret_and_an_audience_of_assertions_exclude_each_other() {
        let both = json!({"client_id": "ciba-page", "label": "acme", "name": "Acme",
            "client_secret": "c2VhbGVk", "assertion_audience": "issuer"});
        let both: BrowserLogin = serde_json::from_value(both).unwrap();
        assert!(both.check("approval-app", "sub").is_err_and(|why| why.contains("assertion_audience")));
    }

    /// ATK-7-05
    #[test]
    fn a_login_allows_a_passkey_with_one_class_and_all_methods() {
        let login = |acr: Option<&str>, amr: &[&str]| Authentication {
            auth_time: crate::domain::base::time::Timestamp::from_seconds(1),
            acr: acr.map(str::to_owned),
            amr: amr.iter().map(|it| (*it).to_owned()).collect(),
        };
        for (setting, login, is_allowed) in [
            (json!({"acr": ["mfa", "high"]}), login(Some("high"), &[]), true),
            (json!({"acr": ["mfa", "high"]}), login(Some("low"), &["otp"]), false),
            (json!({"acr": ["mfa"]}), login(None, &["otp"]), false),
            (json!({"amr": ["pwd", "otp"]}), login(None, &["otp", "pwd", "user"]), true),
            (json!({"amr": ["pwd", "otp"]}), login(Some("mfa"), &["pwd"]), false),
            (json!({"acr": ["mfa"], "amr": ["otp"]}), login(Some("mfa"), &["otp"]), true),
            (json!({"acr": ["mfa"], "amr": ["otp"]}), login(Some("mfa"), &["pwd"]), false),
        ] {
            let setting: SelfEnrollment = serde_json::from_value(setting).unwrap();
            assert_eq!(setting.allows(&login), is_allowed, "{setting:?} {login:?}");
        }
    }
}
