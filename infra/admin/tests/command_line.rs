//! The program as it is started, and what its README says.

use std::process::{Command, Output};

use ciba::config::{Environment, Issuer, LoginIssuers};
use ciba_local::login_issuer::LoginIssuer;
use serde_json::json;

const README: &str = include_str!("../README.md");

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ciba-admin"));
    command.args(arguments).env_clear().envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn help_documents_the_exit_codes() {
    let output = run(&["--help"], &[]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && help.contains("Exit codes:"), "{help}");
}

#[test]
fn a_setting_that_is_missing_is_two_and_named_and_nothing_is_printed_on_stdout() {
    let output = run(&["client", "show", "kiosk", "--json"], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*said), (Some(2), "error: setting ISSUER is missing\n"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_doctor_that_finds_something_is_one_and_its_report_is_on_stdout() {
    let output = run(&["doctor", "--json"], &[("ISSUER", "http://id.example.com")]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["clean"]), (Some(1), &json!(false)));
    assert!(output.stderr.is_empty());
}

#[test]
fn the_readmes_login_issuers_are_those_of_the_local_stack() {
    let line =
        README.lines().find(|it| it.starts_with("export LOGIN_ISSUERS='[{\"issuer\":\"http://localhost"));
    let documented = line.unwrap().trim_start_matches("export LOGIN_ISSUERS='").trim_end_matches('\'');
    let local = json!([LoginIssuer::new("http://localhost:9100").unwrap().setting()]).to_string();
    let read = |setting: &str| {
        let env = Environment::of([("ISSUER", "http://localhost:9000"), ("LOGIN_ISSUERS", setting)]);
        format!("{:?}", LoginIssuers::read(&env, &Issuer::read(&env).unwrap()).unwrap())
    };
    assert_eq!(read(documented), read(&local));
}
