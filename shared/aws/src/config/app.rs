//! The operator's own apps, which phones allow to use this domain's passkeys and links.

use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::person::app::{AndroidApp, AppleApp, MAX_APPS};

/// The apps listed in the documents under `/.well-known/`. Which origins are accepted is a separate setting,
/// `PASSKEY_ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    pub android: Vec<AndroidApp>,
    pub apple: Vec<AppleApp>,
}

impl AppSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            android: list(
                env,
                setting::ANDROID_APPS,
                AndroidApp::parse,
                "<package>=<SHA-256 of its certificate>",
            )?,
            apple: list(env, setting::APPLE_APPS, AppleApp::parse, "<team>.<bundle>")?,
        })
    }
}

fn list<T>(
    env: &Environment,
    setting: setting::Text,
    parse: fn(&str) -> Option<T>,
    form: &str,
) -> Result<Vec<T>, ConfigError> {
    let texts = setting.get(env).unwrap_or_default().split_whitespace();
    let parsed = texts.map(|text| parse(text).ok_or_else(|| format!("contains {text}, which is not {form}")));
    let apps = parsed.collect::<Result<Vec<_>, _>>().or_else(|why| setting.refuse(&why))?;
    if apps.len() > MAX_APPS {
        return setting.refuse("has more than 10 apps");
    }
    Ok(apps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<AppSettings, ConfigError> {
        AppSettings::read(&Environment::of([(name, value)]))
    }

    #[test]
    fn apps_are_read_one_by_one_and_a_mistake_stops_the_function() {
        let android = format!("com.example.bank={} com.example.till={}", "00".repeat(32), "ff".repeat(32));
        let read_back = read("ANDROID_APPS", &android).expect("two");
        assert_eq!((read_back.android.len(), read_back.apple.len()), (2, 0));
        assert_eq!(read("APPLE_APPS", "A1B2C3D4E5.com.example.bank").expect("one").apple.len(), 1);
        let none = read("APPLE_APPS", "").expect("none");
        assert!(none.android.is_empty() && none.apple.is_empty());
        for (name, value) in [("ANDROID_APPS", "com.example.bank"), ("APPLE_APPS", "com.example.bank")] {
            let error = read(name, value).expect_err(value).to_string();
            assert!(error.starts_with(&format!("setting {name}: contains com.example.bank, which is not ")));
        }
        assert!(read("APPLE_APPS", &"A1B2C3D4E5.bank ".repeat(11)).is_err());
    }
}
