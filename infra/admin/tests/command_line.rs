//! The program as an operator runs it, and its commands in the documents.

use std::process::{Command, Output};

use ciba::config::{Environment, Issuer, LoginIssuers};
use ciba_admin::arguments::Arguments;
use ciba_local::login_issuer::LoginIssuer;
use clap::{CommandFactory, Parser};
use serde_json::json;

const LOCAL: &str = include_str!("../local.sh");
const DOCUMENTS: [&str; 3] = [
    include_str!("../README.md"),
    include_str!("../../../README.md"),
    include_str!("../../../docs/deploying.md"),
];

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

/// Nothing is printed on stdout.
#[test]
fn a_missing_setting_is_named_on_stderr_with_exit_code_2() {
    let output = run(&["client", "show", "kiosk", "--json"], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*said), (Some(2), "error: setting ISSUER is missing\n"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_doctor_with_findings_exits_1_and_reports_on_stdout() {
    let output = run(&["doctor", "--json"], &[("ISSUER", "http://id.example.com")]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["clean"]), (Some(1), &json!(false)));
    assert!(output.stderr.is_empty());
}

#[test]
fn the_settings_for_the_local_stack_have_its_login_issuer() {
    let line = LOCAL.lines().find_map(|it| it.strip_prefix("export LOGIN_ISSUERS='"));
    let documented = line.unwrap().trim_end_matches('\'');
    let local = json!([LoginIssuer::new("http://localhost:9100").unwrap().setting()]).to_string();
    let read = |setting: &str| {
        let env = Environment::of([("ISSUER", "http://localhost:9000"), ("LOGIN_ISSUERS", setting)]);
        format!("{:?}", LoginIssuers::read(&env, &Issuer::read(&env).unwrap()).unwrap())
    };
    assert_eq!(read(documented), read(&local));
}

/// One in 64 of this provider's identifiers begins with a hyphen, and is pasted as it was printed.
#[test]
fn a_name_that_begins_with_a_hyphen_is_a_name() {
    for command in [
        "request cancel -_A",
        "request list --person -_A",
        "evidence show -_A",
        "evidence verify -_A",
        "delivery replay -_A",
        "passkey remove --sub alice --id -_A",
    ] {
        let arguments = ["ciba-admin"].into_iter().chain(command.split(' ')).chain(["--json"]);
        let arguments =
            Arguments::try_parse_from(arguments).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(arguments.json && format!("{arguments:?}").contains("\"-_A\""), "{arguments:?}");
    }
}

#[test]
fn every_command_of_the_documents_is_right_usage() {
    let commands: Vec<_> = DOCUMENTS.iter().flat_map(|it| commands(it)).collect();
    for named in [
        "client create",
        "person create",
        "person block",
        "request list",
        "request cancel",
        "key rotate",
        "doctor",
    ] {
        assert!(commands.iter().any(|it| it.join(" ").starts_with(named)), "no document says {named}");
    }
    for command in commands {
        let parsed =
            Arguments::try_parse_from(["ciba-admin"].into_iter().chain(command.iter().map(|it| &**it)));
        assert!(parsed.is_ok(), "{command:?}: {}", parsed.unwrap_err());
    }
}

/// What follows the program's name in fenced blocks, as a shell would split it.
fn commands(markdown: &str) -> Vec<Vec<String>> {
    let markdown = markdown.replace("\\\n", " ");
    let blocks = markdown.split("```").skip(1).step_by(2);
    let starts = ["cargo run -p ciba-admin -- ", "target/debug/ciba-admin "];
    let commands = blocks.flat_map(|block| {
        block.match_indices('\n').filter_map(move |(end, _)| {
            let rest = block[end..].trim_start();
            Some(line(starts.iter().find_map(|start| rest.strip_prefix(start))?))
        })
    });
    commands.map(|line| words(line.split(" # ").next().unwrap_or_default())).collect()
}

/// Up to the end of the line; line ends within quotes do not count.
fn line(text: &str) -> &str {
    let ends = text.match_indices('\n').map(|(end, _)| end);
    let mut whole = ends.filter(|&end| text[..end].matches('\'').count().is_multiple_of(2));
    &text[..whole.next().unwrap_or(text.len())]
}

fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate().flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    quoted.collect()
}

/// An argument may be pasted from anywhere.
#[test]
fn a_wrong_command_line_is_two_and_orders_no_terminal_about() {
    let output = run(&["request", "list", "--limit", "\u{1b}[2J\u{202e}"], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("--limit") && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    assert!(output.stdout.is_empty());
}

/// ATK-1-12: the tool has no words for a decision.
#[test]
fn no_command_decides_a_request() {
    let request = "q83vEjRWeJCrze8SNFZ4kA";
    let read = |words: [&str; 4]| Arguments::try_parse_from(words);
    assert!(read(["ciba-admin", "request", "cancel", request]).is_ok());
    for word in ["approve", "allow", "deny", "decide", "decline", "report", "redeem", "create"] {
        assert!(read(["ciba-admin", "request", word, request]).is_err(), "{word}");
    }
    let tool = Arguments::command();
    for word in ["approve", "allow", "deny", "decide", "decline", "report", "redeem"] {
        let knows = |command: &clap::Command| command.find_subcommand(word).is_some();
        assert!(!knows(&tool) && !tool.get_subcommands().any(knows), "{word}");
    }
}
