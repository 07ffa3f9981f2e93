//! Settings are said twice: as parameters and environment in template.yaml, and in the code that reads them.

use std::collections::BTreeSet;

use ciba::config::setting::ALL;
use ciba::config::{
    ConfigError, DecisionSettings, DpopSettings, Environment, HintSettings, Issuer, KeySettings,
    PasskeySettings, RequestSettings, SmsSettings, TokenSettings, client_assertion_lifetime,
};
use serde_json::Value;

use crate::permissions::list;
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
        "login" => login::Login::new(&env).map(drop),
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
    let sms = SmsSettings::read(&env)?;
    Ok(format!(
        "{request:?} {hint:?} {token:?} {decision:?} {key:?} {passkey:?} {dpop:?} {assertion:?} {sms:?}"
    ))
}

#[test]
fn each_functions_environment_is_exactly_what_its_code_reads() {
    for function in &TEMPLATE.functions {
        let mut expected = read_by(&function.binary);
        // So that a new version differs from the one before.
        expected.insert("RELEASE".to_owned());
        assert_eq!(function.environment, expected, "{}", function.binary);
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
    let declared: BTreeSet<_> =
        ALL.iter().map(|it| it.described()).filter(|it| it.unit.is_some()).map(|it| it.name).collect();
    assert_eq!(numbers.iter().map(|it| it.variable).collect::<BTreeSet<_>>(), declared);
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
        // With a notifier the one that sends messages has longer.
        let own = if own["Fn::If"][0] == "HasUserNotifier" { &own["Fn::If"][2] } else { own };
        let seconds = if own.is_null() { global } else { own };
        assert_eq!(seconds.as_u64(), Some(ciba::http::serve::TIMEOUT.as_secs()), "{name}");
    }
}

/// HOOK-5-04: the resolver, the policy, the notifier, one message through SNS and the withdrawal, one after the other and
/// each to its last moment, leave time for the function's own calls; and API Gateway still waits for the answer.
#[test]
fn with_a_notifier_all_time_budgets_fit_into_one_invocation() {
    let function = &DOCUMENT["Resources"]["BackchannelAuthenticationFunction"]["Properties"];
    let [condition, with, without] = &list(&function["Timeout"]["Fn::If"])[..] else { panic!("a condition") };
    assert_eq!((condition.as_str(), without.as_u64()), (Some("HasUserNotifier"), Some(15)));
    let timeout = with.as_u64().expect("seconds");
    let document = crate::read("docs/architecture.md");
    let seconds = |row: &str| {
        let row = document.lines().find(|line| line.starts_with(&format!("| {row} |"))).expect(row);
        let cell = row.split('|').nth(3).expect("a cell").trim();
        cell.split(' ').next().and_then(|number| number.parse::<u64>().ok()).expect("seconds")
    };
    let budgets = ["the resolver", "the policy", "the notifier", "SNS", "a withdrawal"].map(seconds);
    assert_eq!(budgets, [3, 2, 4, 6, 4]);
    let own = timeout - budgets.iter().sum::<u64>();
    assert!(own >= seconds("DynamoDB") && timeout < 30, "{own} s for its own calls");
}

/// The rows of docs/settings.md that describe a setting of a function: name, what, unit, range, default, functions.
fn documented() -> Vec<[String; 6]> {
    let document = crate::read("docs/settings.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let cells = rows.map(|row| row.split('|').map(|it| it.trim().to_owned()).collect::<Vec<_>>());
    let rows = cells.filter_map(|cells| <[String; 6]>::try_from(cells).ok());
    rows.filter(|[name, ..]| name.starts_with('`')).collect()
}

/// As the column `functions` says it, without the operator's command line, which reads some settings as well.
fn readers(name: &str) -> BTreeSet<String> {
    let read = TEMPLATE.functions.iter().filter(|it| it.environment.contains(name));
    read.map(|it| it.binary.clone()).collect()
}

#[test]
fn the_document_has_each_setting_as_it_is_declared() {
    let documented = documented();
    let names: Vec<_> = documented.iter().map(|[name, ..]| name.trim_matches('`').to_owned()).collect();
    let declared: Vec<_> = ALL.iter().map(|it| it.described()).collect();
    // Endpoints of AWS's services are named after the services.
    let others = names.iter().filter(|it| !it.starts_with("AWS_ENDPOINT_URL_"));
    assert_eq!(
        others.map(String::as_str).collect::<BTreeSet<_>>(),
        declared.iter().map(|it| it.name).collect::<BTreeSet<_>>()
    );
    for setting in declared {
        let row = documented.iter().find(|[name, ..]| name.trim_matches('`') == setting.name);
        let [_, _, unit, range, default, _] = row.expect(setting.name);
        if let Some(expected) = setting.unit {
            assert_eq!(unit, expected, "{}: unit", setting.name);
        }
        if let Some(expected) = &setting.range {
            assert_eq!(range, expected, "{}: range", setting.name);
        }
        let is_said = default == &setting.default || default.starts_with(&format!("{};", setting.default));
        let is_told = setting.default == "not set"
            && (default.starts_with("not set")
                || setting.range.is_none() && !default.starts_with("required`"));
        let needs_more = setting.default == "required" && default.starts_with("required");
        assert!(
            is_said || is_told || needs_more,
            "{}: default {default}, and not {}",
            setting.name,
            setting.default
        );
    }
}

#[test]
fn the_document_has_the_functions_that_read_each_setting() {
    let functions: BTreeSet<_> = TEMPLATE.functions.iter().map(|it| it.binary.clone()).collect();
    for [name, .., said] in documented().iter().filter(|[name, ..]| !name.starts_with("`AWS_")) {
        let said = said.replace(", `ciba-admin`", "").replace("; `ciba-admin`", "");
        let said: BTreeSet<_> = match said.strip_prefix("all") {
            Some(but) => {
                let but = but.trim_start_matches(" except ");
                functions.iter().filter(|it| *it != but).cloned().collect()
            }
            None => said.split(", ").map(str::to_owned).collect(),
        };
        assert_eq!(said, readers(name.trim_matches('`')), "{name}");
    }
}
