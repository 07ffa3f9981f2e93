//! The content of messages to the person, and the countries to which an SMS may go.

use crate::config::{ConfigError, Environment, Issuer, setting};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::person::sms::{MaxPrice, SenderId, SmsCountries};
use ciba_core::domain::request::notification::Messages;
use ciba_core::protocol::routes;

/// Setting `SMS_COUNTRIES`: the countries to which an SMS may go ([`SmsCountries::parse`]). Default: `+1`.
///
/// This is a list because an attacker able to enroll numbers could otherwise run up costs (SMS pumping).
pub fn sms_countries(env: &Environment) -> Result<SmsCountries, ConfigError> {
    let countries = setting::SMS_COUNTRIES.get(env).and_then(SmsCountries::parse);
    let why = "is neither * nor a list of country calling codes such as +1,+44";
    countries.map_or_else(|| setting::SMS_COUNTRIES.refuse(why), Ok)
}

/// The settings of an SMS other than its text.
#[derive(Clone, Debug)]
pub struct SmsSettings {
    pub countries: SmsCountries,
    pub sender_id: Option<SenderId>,
    pub max_price: Option<MaxPrice>,
    /// The most parts that an SMS may have.
    pub most_parts: usize,
}

impl SmsSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let sender_id = setting::SMS_SENDER_ID.get(env).map(|text| {
            let why = "is not 1-11 letters and digits with at least one letter";
            SenderId::parse(text).map_or_else(|| setting::SMS_SENDER_ID.refuse(why), Ok)
        });
        let max_price = setting::SMS_MAX_PRICE.get(env).map(|text| {
            let why = "is not within 0.00001-10 USD with at most 5 decimals";
            MaxPrice::parse(text).map_or_else(|| setting::SMS_MAX_PRICE.refuse(why), Ok)
        });
        Ok(Self {
            countries: sms_countries(env)?,
            sender_id: sender_id.transpose()?,
            max_price: max_price.transpose()?,
            most_parts: setting::SMS_PARTS.count(env)?,
        })
    }
}

/// Setting `OPERATOR_NAME`: the sender of messages and pages, as the person sees it. At most 64 characters.
pub fn operator_name(env: &Environment) -> Result<String, ConfigError> {
    let name = setting::OPERATOR_NAME.required(env)?;
    // It is also part of an e-mail's subject, which is one line of fewer than 100 characters.
    if name.chars().count() > 64 || name.contains(char::is_control) {
        return setting::OPERATOR_NAME.refuse("is longer than 64 characters or contains a control character");
    }
    Ok(name.to_owned())
}

/// The settings of messages to the person.
pub struct NotificationSettings;

impl NotificationSettings {
    /// Fails if an SMS with the operator's name and the link would not fit into one part (160 GSM-7
    /// characters).
    pub fn read(env: &Environment, issuer: &Issuer) -> Result<Messages, ConfigError> {
        let consent_url = match setting::CONSENT_URL.get(env) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}{}", issuer.as_str(), routes::CONSENT),
        };
        if !consent_url.starts_with("https://") && !issuer.is_local() {
            return setting::CONSENT_URL.refuse("is not https");
        }
        let messages = Messages {
            operator_name: operator_name(env)?,
            consent_url,
            sms_shows_request: setting::SMS_SHOWS_REQUEST.is(env, "true")?,
        };
        let any = RequestKey::from_bytes([0; RequestKey::BYTES]);
        if messages.shortest(&any).parts() > 1 {
            return setting::OPERATOR_NAME
                .refuse("and CONSENT_URL do not fit into one SMS of 160 GSM-7 characters");
        }
        Ok(messages)
    }
}
