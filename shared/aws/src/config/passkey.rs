//! Settings of passkeys: their domain, their origins, and when a new one may approve high-risk requests.

use std::time::Duration;

use crate::config::{ConfigError, Environment, Issuer, refuse, setting};
use ciba_core::domain::person::passkey_origin::PasskeyOrigin;

/// The most origins that may be configured in addition to the issuer.
const MAX_ORIGINS: usize = 10;

/// The settings of passkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeySettings {
    pub ceremony: CeremonySettings,
    /// How long after its enrollment a passkey cannot approve high-risk requests, so that an attacker who enrolls
    /// one cannot use it for them immediately.
    pub seasoning: Duration,
}

/// The domain that passkeys are bound to, and the origins at which they are created and used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CeremonySettings {
    /// The domain that passkeys are bound to (WebAuthn, "RP ID"). Changing it makes every existing passkey
    /// unusable.
    pub rp_id: String,
    /// The origins that are accepted: the issuer, which serves the pages, followed by those of the operator's apps.
    pub origins: Vec<String>,
}

impl PasskeySettings {
    pub const SETTING: &'static str = setting::RP_ID.name();

    /// Setting `PASSKEY_SEASONING_HOURS`, and the settings that [`CeremonySettings::read`] reads. `None` if
    /// `RP_ID` is not set.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        let seasoning = setting::PASSKEY_SEASONING_HOURS.time(env)?;
        Ok(CeremonySettings::read(env, issuer)?.map(|ceremony| Self { ceremony, seasoning }))
    }

    /// Setting `RP_ID` alone. `None` if it is not set.
    pub fn rp_id(env: &Environment, issuer: &Issuer) -> Result<Option<String>, ConfigError> {
        let Some(rp_id) = setting::RP_ID.get(env) else { return Ok(None) };
        if !is_domain_of(rp_id, issuer) {
            return refuse(Self::SETTING, "is neither the issuer's host nor a parent domain of it");
        }
        Ok(Some(rp_id.to_owned()))
    }
}

impl CeremonySettings {
    pub const ORIGINS: &'static str = setting::PASSKEY_ORIGINS.name();

    /// Settings `RP_ID` and `PASSKEY_ORIGINS`. `None` if `RP_ID` is not set. It is not derived from the issuer by
    /// default: an operator who moves the issuer to another host must notice that passkeys are bound to the
    /// domain.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Option<Self>, ConfigError> {
        let further = setting::PASSKEY_ORIGINS.get(env).unwrap_or_default();
        let Some(rp_id) = PasskeySettings::rp_id(env, issuer)? else {
            return if further.trim().is_empty() {
                Ok(None)
            } else {
                refuse(Self::ORIGINS, "is set without RP_ID, without which there are no passkeys")
            };
        };
        let mut origins = vec![issuer.as_str().to_owned()];
        for text in further.split_whitespace() {
            let origin =
                PasskeyOrigin::parse(text, &rp_id).map_err(|why| ConfigError::of(Self::ORIGINS, why))?;
            if !origins.iter().any(|it| it == origin.as_str()) {
                origins.push(origin.as_str().to_owned());
            }
        }
        if origins.len() > MAX_ORIGINS + 1 {
            return refuse(Self::ORIGINS, "has more than 10 origins");
        }
        Ok(Some(Self { rp_id, origins }))
    }
}

/// Whether `rp_id` is the issuer's host or a parent domain of it. Browsers require the same, and also refuse
/// public suffixes such as `co.uk`, under which anybody can register a domain.
fn is_domain_of(rp_id: &str, issuer: &Issuer) -> bool {
    let labels = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let host = issuer.host();
    let above = host.strip_suffix(rp_id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // A single label must be the host itself, such as localhost; as a parent domain it would be a top-level domain.
    above && rp_id.split('.').all(labels) && (rp_id.contains('.') || rp_id == host) && !is_address(rp_id)
}

/// WebAuthn does not allow IP addresses as an RP ID.
fn is_address(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issuer: &str, settings: &[(&str, &str)]) -> Result<Option<PasskeySettings>, ConfigError> {
        let env = Environment::of([("ISSUER", issuer)].iter().chain(settings).copied());
        PasskeySettings::read(&env, &Issuer::read(&env).unwrap())
    }

    #[test]
    fn passkeys_are_off_where_no_domain_is_set() {
        assert_eq!(read("https://op.example.com", &[]), Ok(None));
        assert_eq!(read("https://op.example.com", &[("RP_ID", "")]), Ok(None));
    }

    #[test]
    fn the_domain_of_passkeys_is_the_issuers_host_or_above_it() {
        for (issuer, rp_id) in [
            ("https://op.example.com", "op.example.com"),
            ("https://op.example.com", "example.com"),
            ("https://op.example.com:8443", "op.example.com"),
            ("http://localhost:9000", "localhost"),
        ] {
            let settings = read(issuer, &[("RP_ID", rp_id)]).unwrap().unwrap();
            assert_eq!((settings.ceremony.rp_id.as_str(), settings.seasoning.as_secs()), (rp_id, 24 * 3600));
            assert_eq!(settings.ceremony.origins, [issuer]);
        }
        for (issuer, rp_id) in [
            ("https://op.example.com", "com"),
            ("https://op.example.com", "ample.com"),
            ("https://op.example.com", "login.op.example.com"),
            ("https://op.example.com", "example.org"),
            ("https://op.example.com", "OP.example.com"),
            ("https://op.example.com", ".example.com"),
            ("https://op.example.com", "https://op.example.com"),
            ("https://op.example.com:8443", "op.example.com:8443"),
            ("https://192.0.2.1", "192.0.2.1"),
            ("http://localhost:9000", "localhost:9000"),
        ] {
            assert!(read(issuer, &[("RP_ID", rp_id)]).is_err(), "{issuer} {rp_id}");
        }
    }

    #[test]
    fn a_passkey_is_seasoned_after_at_most_thirty_days() {
        let hours = |text| {
            let settings = [("RP_ID", "op.example.com"), ("PASSKEY_SEASONING_HOURS", text)];
            read("https://op.example.com", &settings).map(|it| it.unwrap().seasoning.as_secs() / 3600)
        };
        assert_eq!(hours("0"), Ok(0));
        assert_eq!(hours("720"), Ok(720));
        assert!(hours("721").is_err() && hours("-1").is_err());
        // The setting is checked even if passkeys are not used, so that a mistake is reported when it is made.
        assert!(read("https://op.example.com", &[("PASSKEY_SEASONING_HOURS", "721")]).is_err());
    }

    #[test]
    fn further_origins_are_of_the_domain_of_passkeys() {
        let origins = |text: &str| {
            let settings = [("RP_ID", "example.com"), ("PASSKEY_ORIGINS", text)];
            read("https://op.example.com", &settings).map(|it| it.unwrap().ceremony.origins.join(" "))
        };
        let app = "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0";
        assert_eq!(
            origins(&format!(" {app}  https://example.com https://op.example.com {app}")),
            Ok(format!("https://op.example.com {app} https://example.com"))
        );
        for wrong in ["https://example.org", "android:apk-key-hash:7aKV", "example.com", "*"] {
            let error = origins(&format!("{app} {wrong}")).expect_err(wrong).to_string();
            assert!(error.starts_with("setting PASSKEY_ORIGINS: has an "), "{error}");
        }
        let many =
            |count: usize| (0..count).map(|it| format!("https://a{it}.example.com ")).collect::<String>();
        assert!(origins(&many(10)).is_ok() && origins(&many(11)).is_err());
    }

    #[test]
    fn further_origins_without_a_domain_stop_the_function() {
        assert!(read("https://op.example.com", &[("PASSKEY_ORIGINS", "https://op.example.com")]).is_err());
        assert_eq!(read("https://op.example.com", &[("PASSKEY_ORIGINS", " ")]), Ok(None));
    }
}
