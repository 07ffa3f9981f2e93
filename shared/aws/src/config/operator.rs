//! Who runs this provider, as people see it.

use ciba_core::domain::base::phone_number::PhoneNumber;
use ciba_core::page::Operator;
use url::Url;

use super::notification::operator_name;
use super::{ConfigError, Environment, setting};

/// The longest `OPERATOR_CONTACT`. Unit: bytes.
const MAX_CONTACT: usize = 256;

/// Settings `OPERATOR_NAME` and `OPERATOR_CONTACT`: what pages call the operator, and where they lead people who have
/// a question.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    pub name: String,
    contact: Option<String>,
}

impl OperatorSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let contact = setting::OPERATOR_CONTACT.get(env);
        if contact.is_some_and(|url| !is_contact(url)) {
            return setting::OPERATOR_CONTACT.refuse(
                "is not tel: with an international number, mailto: with an address, or an https URL",
            );
        }
        Ok(Self { name: operator_name(env)?, contact: contact.map(str::to_owned) })
    }

    pub fn shown(&self) -> Operator<'_> {
        Operator { name: &self.name, contact: self.contact.as_deref() }
    }
}

fn is_contact(text: &str) -> bool {
    let is_plain = text.len() <= MAX_CONTACT && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_of_kind = match text.split_once(':') {
        Some(("tel", number)) => number.starts_with('+') && PhoneNumber::parse(number).is_some(),
        Some(("mailto", address)) => {
            let parts = address.split_once('@');
            parts.is_some_and(|(who, host)| {
                !who.is_empty() && host.contains('.') && !host.contains(['@', '?'])
            })
        }
        Some(("https", _)) => Url::parse(text).is_ok_and(|url| url.host_str().is_some()),
        Some(_) | None => false,
    };
    is_plain && is_of_kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_number_an_address_or_a_page() {
        for text in [
            "tel:+4940123456",
            "tel:+1-212-555-0123",
            "mailto:help@bank.example",
            "https://bank.example/help",
            "https://bank.example",
        ] {
            assert!(is_contact(text), "{text}");
        }
        let long = format!("https://bank.example/{}", "x".repeat(256));
        for text in [
            "",
            "040 123456",
            "tel:040123456",
            "tel:+49",
            "tel:call",
            "mailto:help",
            "mailto:@bank.example",
            "mailto:help@bank",
            "mailto:help@bank.example?body=x",
            "http://bank.example",
            "https://",
            "https:bank example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://bank.example/\n",
            &long,
        ] {
            assert!(!is_contact(text), "{text}");
        }
    }
}
