//! Every setting, declared once: name, type, unit, range and default. The code that reads a setting, its error
//! messages, and the tests of docs/settings.md and template.yaml all use this declaration.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::{ConfigError, Environment, refuse};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A setting's row in docs/settings.md, by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: &'static str,
    /// `None` if the value is not a number.
    pub unit: Option<&'static str>,
    /// `None` for a text, whose form the column describes in words.
    pub range: Option<String>,
    pub default: String,
}

pub trait Setting: Sync {
    fn described(&self) -> Described;
}

/// A setting that is a whole number of some unit.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    name: &'static str,
    unit: &'static str,
    /// The length of one unit, if it is a unit of time. Unit: seconds.
    seconds: u64,
    least: Least,
    most: u64,
    default: u64,
}

/// The smallest value of a number.
#[derive(Clone, Copy, Debug)]
enum Least {
    Is(u64),
    /// The value of another setting.
    Of(&'static str),
}

impl Number {
    const fn new(
        name: &'static str,
        unit: &'static str,
        seconds: u64,
        range: [u64; 2],
        default: u64,
    ) -> Self {
        let [least, most] = range;
        Self { name, unit, seconds, least: Least::Is(least), most, default }
    }

    const fn from(self, other: &'static str) -> Self {
        Self { least: Least::Of(other), ..self }
    }

    /// # Errors
    /// If the value is not a whole number, or not within the range.
    pub fn read(&self, env: &Environment) -> Result<u64, ConfigError> {
        match self.least {
            Least::Is(least) => self.within(env, least..=self.most),
            Least::Of(other) => unreachable!("{} begins at the value of {other}", self.name),
        }
    }

    fn within(&self, env: &Environment, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let value = match env.get(self.name) {
            None => self.default,
            Some(text) => text.parse().or_else(|_| refuse(self.name, "is not a whole number"))?,
        };
        if range.contains(&value) {
            return Ok(value);
        }
        refuse(self.name, &format!("is not within {}-{}", range.start(), range.end()))
    }

    /// The value as a number of things.
    pub fn count(&self, env: &Environment) -> Result<usize, ConfigError> {
        self.read(env).map(|value| usize::try_from(value).unwrap_or(usize::MAX))
    }

    pub fn time(&self, env: &Environment) -> Result<Duration, ConfigError> {
        self.read(env).map(|value| Duration::from_secs(value * self.seconds))
    }

    /// Like [`Number::time`], for a number whose minimum, `least`, is the value of another setting.
    pub fn time_from(&self, env: &Environment, least: Duration) -> Result<Duration, ConfigError> {
        let value = self.within(env, least.as_secs() / self.seconds..=self.most)?;
        Ok(Duration::from_secs(value * self.seconds))
    }
}

impl Setting for Number {
    fn described(&self) -> Described {
        let least = match self.least {
            Least::Is(least) => least.to_string(),
            Least::Of(other) => format!("`{other}`"),
        };
        Described {
            name: self.name,
            unit: Some(self.unit),
            range: Some(format!("{least}–{}", self.most)),
            default: self.default.to_string(),
        }
    }
}

/// A setting that is one of a few words.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    name: &'static str,
    words: &'static [&'static str],
    default: &'static str,
}

impl Word {
    /// The word that is set, or the default.
    ///
    /// # Errors
    /// If the value is not one of the words.
    pub fn read(&self, env: &Environment) -> Result<&'static str, ConfigError> {
        let text = env.get(self.name).unwrap_or(self.default);
        match self.words.iter().find(|word| **word == text) {
            Some(word) => Ok(word),
            None => refuse(self.name, &format!("is neither {}", self.words.join(" nor "))),
        }
    }

    pub fn is(&self, env: &Environment, word: &str) -> Result<bool, ConfigError> {
        Ok(self.read(env)? == word)
    }
}

impl Setting for Word {
    fn described(&self) -> Described {
        let words: Vec<_> = self.words.iter().map(|word| format!("`{word}`")).collect();
        Described {
            name: self.name,
            unit: None,
            range: Some(words.join(", ")),
            default: format!("`{}`", self.default),
        }
    }
}

/// A setting that is a text, whose form its reader checks.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    name: &'static str,
    default: Default,
}

#[derive(Clone, Copy, Debug)]
enum Default {
    Required,
    /// There is no default; the code that reads the setting decides what its absence means.
    NotSet,
    Is(&'static str),
}

impl Text {
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// # Errors
    /// If it is not set.
    pub fn required<'e>(&self, env: &'e Environment) -> Result<&'e str, ConfigError> {
        env.get(self.name).ok_or_else(|| ConfigError::missing(self.name))
    }

    pub fn get<'e>(&self, env: &'e Environment) -> Option<&'e str> {
        env.get(self.name).or(match self.default {
            Default::Is(text) => Some(text),
            Default::Required | Default::NotSet => None,
        })
    }

    /// The error for an invalid value.
    pub fn refuse<T>(&self, why: &str) -> Result<T, ConfigError> {
        refuse(self.name, why)
    }
}

impl Setting for Text {
    fn described(&self) -> Described {
        let default = match self.default {
            Default::Required => "required".to_owned(),
            Default::NotSet => "not set".to_owned(),
            Default::Is(text) => format!("`{text}`"),
        };
        Described { name: self.name, unit: None, range: None, default }
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ident($($argument:expr),*);)*) => {
        $($(#[$doc])* pub const $name: settings!(@type $kind) =
            settings!(@new $kind stringify!($name), $($argument),*);)*
        /// All settings.
        pub const ALL: &[&dyn Setting] = &[$(&$name),*];
    };
    (@type Seconds) => { Number };
    (@type Hours) => { Number };
    (@type Days) => { Number };
    (@type Count) => { Number };
    (@type SecondsFrom) => { Number };
    (@type Flag) => { Word };
    (@type Word) => { Word };
    (@type $text:ident) => { Text };
    (@new Seconds $name:expr, $range:expr, $default:expr) => { Number::new($name, "s", 1, $range, $default) };
    (@new Hours $name:expr, $range:expr, $default:expr) => { Number::new($name, "h", HOUR, $range, $default) };
    (@new Days $name:expr, $range:expr, $default:expr) => { Number::new($name, "days", DAY, $range, $default) };
    (@new Count $name:expr, $unit:expr, $range:expr, $default:expr) => {
        Number::new($name, $unit, 1, $range, $default)
    };
    (@new SecondsFrom $name:expr, $other:expr, $most:expr, $default:expr) => {
        Number::new($name, "s", 1, [0, $most], $default).from($other)
    };
    (@new Flag $name:expr, $default:expr) => {
        Word { name: $name, words: &["true", "false"], default: if $default { "true" } else { "false" } }
    };
    (@new Word $name:expr, $words:expr, $default:expr) => {
        Word { name: $name, words: &$words, default: $default }
    };
    (@new Required $name:expr,) => { Text { name: $name, default: Default::Required } };
    (@new Optional $name:expr,) => { Text { name: $name, default: Default::NotSet } };
    (@new Preset $name:expr, $default:expr) => { Text { name: $name, default: Default::Is($default) } };
}

settings! {
    /// The issuer identifier: https (http on `localhost`), a host name and a port at most.
    ISSUER: Required();
    TABLE_NAME: Required();
    /// The profile that all clients have to meet. A client may be registered for a stricter profile than the
    /// deployment's, never for a weaker one.
    PROFILE: Word(["plain", "fapi-ciba"], "plain");
    /// The host for mutual TLS: `https://` and a host name that is not the issuer's.
    MTLS_URL: Optional();
    /// The public keys of the CAs that identify clients of `tls_client_auth`, in base64, separated by spaces.
    MTLS_AUTHORITIES: Optional();

    /// The lifetime of a request if the client does not ask for one.
    REQUEST_EXPIRY_SECONDS: Seconds([10, 600], 300);
    /// The longest lifetime of a request.
    MAX_REQUEST_EXPIRY_SECONDS: SecondsFrom("REQUEST_EXPIRY_SECONDS", 600, 600);
    POLL_INTERVAL_SECONDS: Seconds([1, 60], 5);
    /// Per person, across all clients.
    ASKS_PER_TEN_MINUTES: Count("requests", [1, 16], 3);
    /// Per person, across all clients.
    ASKS_PER_DAY: Count("requests", [1, 16], 10);
    /// A JSON array.
    HINT_ISSUERS: Preset("[]");
    /// How long after it was issued an ID token is accepted as a hint.
    ID_TOKEN_HINT_MAX_AGE_DAYS: Days([1, 400], 90);
    /// How far in the future the `exp` of a client assertion may be (RFC 7523 §3).
    CLIENT_ASSERTION_LIFETIME_SECONDS: Seconds([60, 3600], 600);

    /// The sender of messages and pages, as the person reads it: 1 to 64 characters on one line.
    OPERATOR_NAME: Required();
    /// Where people reach the operator: `tel:`, `mailto:` or `https:`.
    OPERATOR_CONTACT: Optional();
    /// The beginning of the link in a message. Default: `<ISSUER>/consent`.
    CONSENT_URL: Optional();
    /// The countries to which an SMS may go: calling codes, or `*`. This is a list because an attacker able to
    /// enroll numbers could otherwise run up costs (SMS pumping).
    SMS_COUNTRIES: Preset("+1");
    SMS_SENDER_ID: Optional();
    /// The most that one SMS may cost, in USD.
    SMS_MAX_PRICE: Optional();
    /// How many parts an SMS may have. Each costs as much as an SMS.
    SMS_PARTS: Count("parts", [1, 3], 1);
    /// Whether an SMS contains the client's name and the binding message, as long as it fits into its parts.
    SMS_SHOWS_REQUEST: Flag(false);

    /// A JSON array.
    LOGIN_ISSUERS: Preset("[]");
    /// How old the login behind a decision may be.
    LOGIN_MAX_AGE_SECONDS: Seconds([30, 3600], 300);
    EVIDENCE_RETENTION_DAYS: Days([1, 3650], 400);
    /// The domain that passkeys are bound to: the issuer's host, or a domain above it.
    RP_ID: Optional();
    /// Further origins at which passkeys are made and used, separated by spaces.
    PASSKEY_ORIGINS: Optional();
    ANDROID_APPS: Optional();
    APPLE_APPS: Optional();
    /// How long after its enrollment a passkey cannot approve high-risk requests.
    PASSKEY_SEASONING_HOURS: Hours([0, 720], 24);
    /// The KMS key that signs evidence: an ARN, a key id or an alias of an asymmetric key (`ECC_NIST_P256`).
    EVIDENCE_KEY_ID: Optional();
    /// The KMS key that signs the enrollment of passkeys.
    ENROLLMENT_KEY_ID: Optional();
    /// Whether a passkey without a signed enrollment is accepted.
    UNSIGNED_PASSKEYS: Word(["refused", "accepted"], "refused");

    ID_TOKEN_LIFETIME_SECONDS: Seconds([60, 3600], 300);
    ACCESS_TOKEN_LIFETIME_SECONDS: Seconds([60, 3600], 600);
    REFRESH_TOKEN_LIFETIME_DAYS: Days([1, 365], 90);
    REFRESH_TOKEN_IDLE_DAYS: Days([1, 365], 14);
    REFRESH_TOKEN_GRACE_SECONDS: Seconds([0, 60], 20);
    DPOP_PROOF_LIFETIME_SECONDS: Seconds([10, 300], 60);
    DPOP_NONCE_LIFETIME_SECONDS: Seconds([30, 3600], 300);
    /// Whether each DPoP proof needs a nonce. Proofs of clients of the profile `fapi-ciba` always need one.
    DPOP_NONCE_REQUIRED: Flag(false);

    /// The KMS key that encrypts the data key.
    KMS_KEY_ID: Required();
    /// How long a signing key is used before its successor signs.
    SIGNING_KEY_ROTATION_DAYS: Days([1, 365], 90);
    /// Where new signing keys are kept.
    SIGNING: Word(["table", "kms"], "table");
    /// The value of the tag `ciba-signing` of signing keys in KMS; required with `SIGNING=kms`.
    SIGNING_KEY_TAG: Optional();

    /// The hook that knows the people whom the directory does not know: the ARN of a function.
    USER_RESOLVER_FUNCTION: Optional();
    /// The login issuers for whose people the resolver speaks, separated by spaces.
    USER_RESOLVER_ISSUERS: Optional();
    /// The hook that applies the operator's own rules to a request: the ARN of a function.
    REQUEST_POLICY_FUNCTION: Optional();
    /// The hook that delivers messages on channels of kind `custom`: the ARN of a function.
    USER_NOTIFIER_FUNCTION: Optional();
    /// Whether it gets the link and a text without the client's name, or all that is asked.
    USER_NOTIFIER_CONTENT: Word(["link", "full"], "link");

    DELIVERY_QUEUE_URL: Required();
    DEAD_LETTER_QUEUE_URL: Required();
    /// The bus of EventBridge, by name or ARN.
    EVENT_BUS: Required();
    METRIC_NAMESPACE: Preset("ciba");

    AWS_REGION: Required();
    AWS_ACCESS_KEY_ID: Required();
    AWS_SECRET_ACCESS_KEY: Required();
    AWS_SESSION_TOKEN: Optional();
}
