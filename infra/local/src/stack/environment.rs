//! The environment of the functions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use super::{Options, TABLE_NAME};
use crate::{
    REGION,
    kms::{ENROLLMENT_KEY_ALIAS, EVIDENCE_KEY_ALIAS, KEY_ALIAS},
};

/// The name of the event bus. The double accepts any.
const EVENT_BUS: &str = "ciba";

/// The URLs of the doubles.
pub(super) struct Endpoints {
    pub(super) dynamodb: String,
    pub(super) sns: String,
    pub(super) kms: String,
    pub(super) sqs: String,
    pub(super) eventbridge: String,
    pub(super) delivery_queue: String,
    pub(super) dead_letters: String,
}

pub(super) fn of_functions(
    options: &Options,
    issuer: &str,
    endpoints: &Endpoints,
    login_issuer: &Value,
) -> BTreeMap<String, String> {
    let consent_url = format!("{issuer}/consent");
    let own = [
        ("ISSUER", issuer),
        ("CONSENT_URL", &consent_url),
        ("TABLE_NAME", TABLE_NAME),
        ("OPERATOR_NAME", "Example Bank"),
        ("KMS_KEY_ID", KEY_ALIAS),
        ("EVIDENCE_KEY_ID", EVIDENCE_KEY_ALIAS),
        ("ENROLLMENT_KEY_ID", ENROLLMENT_KEY_ALIAS),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "LOCAL"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SNS", &endpoints.sns),
        ("AWS_ENDPOINT_URL_KMS", &endpoints.kms),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &endpoints.eventbridge),
        ("DELIVERY_QUEUE_URL", &endpoints.delivery_queue),
        ("DEAD_LETTER_QUEUE_URL", &endpoints.dead_letters),
        ("EVENT_BUS", EVENT_BUS),
    ];
    let mut environment: BTreeMap<_, _> =
        own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // A login issuer over http is only for local use, and the functions refuse it elsewhere.
    let local = || is_localhost(issuer).then(|| json!([login_issuer]).to_string());
    if let Some(setting) = options.login_issuers.clone().or_else(local) {
        environment.insert("LOGIN_ISSUERS".to_owned(), setting);
    }
    // Elsewhere the operator has to set the domain of passkeys: changing it makes them unusable.
    if is_localhost(issuer) {
        environment.insert("RP_ID".to_owned(), "localhost".to_owned());
    }
    environment.extend(options.environment.iter().cloned());
    environment
}

pub(super) fn is_localhost(issuer: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| url.host_str() == Some("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(options: &Options, issuer: &str) -> BTreeMap<String, String> {
        let login_issuer = json!({"issuer": "http://localhost:9100"});
        let url = || "http://127.0.0.1:1".to_owned();
        let endpoints = Endpoints {
            dynamodb: url(),
            sns: url(),
            kms: url(),
            sqs: url(),
            eventbridge: url(),
            delivery_queue: url(),
            dead_letters: url(),
        };
        of_functions(options, issuer, &endpoints, &login_issuer)
    }

    #[test]
    fn on_localhost_the_local_login_issuer_is_configured() {
        let environment = environment(&Options::for_tests(), "http://localhost:9000");
        let setting: serde_json::Value = serde_json::from_str(&environment["LOGIN_ISSUERS"]).unwrap();
        assert_eq!(setting[0]["issuer"], "http://localhost:9100");
    }

    #[test]
    fn elsewhere_only_a_given_login_issuer_is() {
        for issuer in ["https://id.example.com", "https://localhost.example.com", "nonsense"] {
            assert_eq!(environment(&Options::for_tests(), issuer).get("LOGIN_ISSUERS"), None);
        }
        let given = Options { login_issuers: Some("[]".into()), ..Options::for_tests() };
        assert_eq!(environment(&given, "https://id.example.com")["LOGIN_ISSUERS"], "[]");
    }

    #[test]
    fn on_localhost_there_are_passkeys() {
        let rp_id = |issuer| environment(&Options::for_tests(), issuer).get("RP_ID").cloned();
        assert_eq!(rp_id("http://localhost:9000").as_deref(), Some("localhost"));
        assert_eq!(rp_id("https://id.example.com"), None);
    }

    #[test]
    fn given_environment_goes_first() {
        let given = vec![("OPERATOR_NAME".to_owned(), "Other".to_owned())];
        let options = Options { environment: given, ..Options::for_tests() };
        assert_eq!(environment(&options, "http://localhost:9000")["OPERATOR_NAME"], "Other");
    }
}
