//! Settings are said twice: as parameters and environment in template.yaml, and in the code that reads them.

use std::collections::BTreeSet;

use ciba::config::{ConfigError, DecisionSettings, Environment, KeySettings, RequestSettings, TokenSettings};
use serde_json::Value;

use crate::{DOCUMENT, TEMPLATE, resources};

/// What the code of a function reads, beside what Lambda itself provides.
fn read_by(function: &str) -> BTreeSet<&'static str> {
    let names: &[_] = match function {
        "backchannel-authentication" => &[
            "ISSUER",
            "TABLE_NAME",
            "OPERATOR_NAME",
            "CONSENT_URL",
            "REQUEST_EXPIRY_SECONDS",
            "MAX_REQUEST_EXPIRY_SECONDS",
            "POLL_INTERVAL_SECONDS",
            "ASKS_PER_TEN_MINUTES",
            "ASKS_PER_DAY",
            "LOGIN_ISSUERS",
        ],
        "token" => &["ISSUER", "TABLE_NAME", "ID_TOKEN_LIFETIME_SECONDS", "ACCESS_TOKEN_LIFETIME_SECONDS"],
        "consent" => {
            &["ISSUER", "TABLE_NAME", "LOGIN_ISSUERS", "LOGIN_MAX_AGE_SECONDS", "EVIDENCE_RETENTION_DAYS"]
        }
        "discovery" => &["ISSUER", "LOGIN_ISSUERS"],
        "jwks" => &["ISSUER", "TABLE_NAME"],
        "key-rotation" => &["ISSUER", "TABLE_NAME", "KMS_KEY_ID", "SIGNING_KEY_ROTATION_DAYS"],
        other => panic!("{other} has no settings in this list"),
    };
    names.iter().copied().collect()
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
    let fixed = [("KMS_KEY_ID", "key".to_owned())];
    let env = Environment::of(fixed.iter().chain(settings).cloned());
    let request = RequestSettings::read(&env)?;
    let token = TokenSettings::read(&env)?;
    let decision = DecisionSettings::read(&env)?;
    let key = KeySettings::read(&env)?;
    Ok(format!("{request:?} {token:?} {decision:?} {key:?}"))
}

#[test]
fn the_environment_of_each_function_is_exactly_what_its_code_reads() {
    for function in &TEMPLATE.functions {
        let given: BTreeSet<_> = function.environment.iter().map(String::as_str).collect();
        assert_eq!(given, read_by(&function.binary), "{}", function.binary);
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
    assert_eq!(numbers.len(), 10, "a rule over nothing would hold");
    for Number { variable, least, most, .. } in numbers {
        // The longest expiry cannot be shorter than the usual one, which is therefore the shortest here.
        let with =
            |value: i64| read(&[("REQUEST_EXPIRY_SECONDS", "10".to_owned()), (variable, value.to_string())]);
        assert!(with(least).is_ok() && with(most).is_ok(), "{variable}: the code takes less");
        assert!(with(least - 1).is_err() && with(most + 1).is_err(), "{variable}: the code takes more");
    }
}
