//! What the message to the person says, and where an SMS may go.

use crate::config::{ConfigError, Environment, Issuer, refuse};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::person::sms::{MaxPrice, SenderId, SmsCountries};
use ciba_core::domain::request::notification::Messages;
use ciba_core::protocol::routes;

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

/// `OPERATOR_NAME`: who a message and a page are from, in the person's eyes.
pub fn operator_name(env: &Environment) -> Result<String, ConfigError> {
    let name = env.required("OPERATOR_NAME")?;
    // It is in the subject of an e-mail, too: one line, of less than 100 characters.
    if name.chars().count() > 64 || name.contains(char::is_control) {
        return refuse("OPERATOR_NAME", "is longer than 64 characters, or has a control character");
    }
    Ok(name.to_owned())
}

/// What the message to the person says.
pub struct NotificationSettings;

impl NotificationSettings {
    /// | setting | what | range | default |
    /// |---|---|---|---|
    /// | `OPERATOR_NAME` | who the message is from, in the person's eyes | 1–64 characters | required |
    /// | `CONSENT_URL` | what the link begins with | https | `<ISSUER>/consent` |
    /// | `SMS_SHOWS_REQUEST` | whether an SMS names the client and has the binding message, where it stays one SMS | `true`, `false` | `false` |
    ///
    /// Name and link must leave the text within one SMS.
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Messages, ConfigError> {
        let consent_url = match env.get("CONSENT_URL") {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}{}", issuer.as_str(), routes::CONSENT),
        };
        if !consent_url.starts_with("https://") && !issuer.is_local() {
            return refuse("CONSENT_URL", "is not https");
        }
        let messages = Messages {
            operator_name: operator_name(env)?,
            consent_url,
            sms_shows_request: env.flag("SMS_SHOWS_REQUEST", false)?,
        };
        if !messages.text(&RequestKey::from_bytes([0; RequestKey::BYTES])).fits_one_segment() {
            return refuse(
                "OPERATOR_NAME",
                "and CONSENT_URL do not fit into one SMS of 160 GSM-7 characters",
            );
        }
        Ok(messages)
    }
}
