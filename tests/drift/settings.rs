//! Settings are said twice: as parameters and environment in template.yaml, and in the code that reads them.

use std::collections::BTreeSet;

use ciba::config::{
    ConfigError, DecisionSettings, DpopSettings, Environment, HintSettings, Issuer, KeySettings,
    PasskeySettings, RequestSettings, TokenSettings, client_assertion_lifetime,
};
use serde_json::Value;

use crate::{DOCUMENT, TEMPLATE, resources};

/// What the code of a function asks for when it starts, beside what Lambda itself provides.
fn read_by(function: &str) -> BTreeSet<String> {
    let env = Environment::of([
        ("ISSUER", "https://op.example"),
        ("TABLE_NAME", "ciba"),
        ("OPERATOR_NAME", "Example Bank"),
        ("KMS_KEY_ID", "alias/ciba"),
        ("EVENT_BUS", "ciba"),
        ("DELIVERY_QUEUE_URL", "https://sqs.example/1/deliveries"),
        ("DEAD_LETTER_QUEUE_URL", "https://sqs.example/1/dead-letters"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let started = match function {
        "backchannel-authentication" => {
            backchannel_authentication::BackchannelAuthentication::new(&env).map(drop)
        }
        "token" => token::Token::new(&env).map(drop),
        "consent" => consent::Consent::new(&env).map(drop),
        "enrollment" => enrollment::Enrollment::new(&env).map(drop),
        "discovery" => discovery::Discovery::new(&env).map(drop),
        "jwks" => jwks::Jwks::new(&env).map(drop),
        "userinfo" => userinfo::Userinfo::new(&env).map(drop),
        "introspection" => introspection::Introspection::new(&env).map(drop),
        "revocation" => revocation::Revocation::new(&env).map(drop),
        "events" => events::Events::new(&env).map(drop),
        "client-notification" => client_notification::ClientNotification::new(&env).map(drop),
        "key-rotation" => key_rotation::KeyRotation::new(&env).map(drop),
        other => panic!("{other} is not known here"),
    };
    started.expect(function);
    env.asked().into_iter().filter(|name| !name.starts_with("AWS_")).collect()
}

/// A numeric parameter and the environment variable that hands it to a function.
struct Number {
    variable: &'static str,
    default: i64,
    least: i64,
    most: i64,
}

fn numbers() -> Vec<Number> {
    let variables = resources("AWS::Serverless::Function")
        .flat_map(|(_, it)| it["Properties"]["Environment"]["Variables"].as_object().into_iter().flatten());
    let parameter = |value: &Value| value["Ref"].as_str().map(|name| &DOCUMENT["Parameters"][name]);
    let numbers = variables.filter_map(|(variable, value)| {
        let parameter = parameter(value).filter(|it| it["Type"] == "Number")?;
        let number = |key: &str| parameter[key].as_i64().unwrap_or_else(|| panic!("{variable}: no {key}"));
        Some(Number {
            variable,
            default: number("Default"),
            least: number("MinValue"),
            most: number("MaxValue"),
        })
    });
    numbers.collect()
}

/// All that the code makes of an environment, as text to compare.
fn read(settings: &[(&str, String)]) -> Result<String, ConfigError> {
    let fixed = [
        ("KMS_KEY_ID", "key".to_owned()),
        ("ISSUER", "https://op.example.com".to_owned()),
        ("RP_ID", "op.example.com".to_owned()),
    ];
    let env = Environment::of(fixed.iter().chain(settings).cloned());
    let request = RequestSettings::read(&env)?;
    let hint = HintSettings::read(&env)?;
    let token = TokenSettings::read(&env)?;
    let decision = DecisionSettings::read(&env)?;
    let key = KeySettings::read(&env)?;
    let passkey = PasskeySettings::read(&env, &Issuer::read(&env)?)?;
    let dpop = DpopSettings::read(&env)?;
    let assertion = client_assertion_lifetime(&env)?;
    Ok(format!("{request:?} {hint:?} {token:?} {decision:?} {key:?} {passkey:?} {dpop:?} {assertion:?}"))
}

#[test]
fn the_environment_of_each_function_is_exactly_what_its_code_reads() {
    for function in &TEMPLATE.functions {
        assert_eq!(function.environment, read_by(&function.binary), "{}", function.binary);
    }
}

#[test]
fn the_default_of_each_number_is_that_of_the_code() {
    let by_the_code = read(&[]).unwrap();
    for Number { variable, default, .. } in numbers() {
        assert_eq!(read(&[(variable, default.to_string())]).as_ref(), Ok(&by_the_code), "{variable}");
    }
}

#[test]
fn the_range_of_each_number_is_that_of_the_code() {
    let numbers = numbers();
    assert_eq!(numbers.len(), 29, "a rule over nothing would hold");
    for Number { variable, least, most, .. } in numbers {
        // The longest expiry cannot be shorter than the usual one, which is therefore the shortest here.
        let with =
            |value: i64| read(&[("REQUEST_EXPIRY_SECONDS", "10".to_owned()), (variable, value.to_string())]);
        assert!(with(least).is_ok() && with(most).is_ok(), "{variable}: the code takes less");
        assert!(with(least - 1).is_err() && with(most + 1).is_err(), "{variable}: the code takes more");
    }
}

#[test]
fn the_timeout_of_each_function_is_that_of_the_code() {
    let global = &DOCUMENT["Globals"]["Function"]["Timeout"];
    for (name, function) in resources("AWS::Serverless::Function") {
        let own = &function["Properties"]["Timeout"];
        let seconds = if own.is_null() { global } else { own };
        assert_eq!(seconds.as_u64(), Some(ciba::http::serve::TIMEOUT.as_secs()), "{name}");
    }
}
