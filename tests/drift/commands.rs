//! The commands that the documents say exist.

use std::collections::BTreeSet;

use crate::read;

#[test]
fn every_make_command_of_the_documents_is_a_target() {
    let targets = targets(&read("Makefile"));
    for (document, expected) in [
        ("README.md", ["demo", "test"]),
        ("CONTRIBUTING.md", ["lint", "test"]),
        ("SECURITY.md", ["supply", "sbom"]),
        ("docs/deploying.md", ["build", "deploy"]),
        ("docs/testing.md", ["smoke-moto", "smoke"]),
    ] {
        let named = make_commands(&read(document));
        for command in expected {
            assert!(named.contains(command), "{document} does not say `make {command}`");
        }
        let unknown: Vec<_> = named.difference(&targets).collect();
        assert!(unknown.is_empty(), "{document} says `make` {unknown:?}, the Makefile has {targets:?}");
    }
}

#[test]
fn ci_runs_the_readmes_tests_the_smoke_test_and_the_build() {
    let run = read(".ci/run");
    for command in ["make test", "make smoke-moto", "make build-check"] {
        assert!(run.lines().any(|it| it.trim() == command), ".ci/run does not run `{command}`");
    }
}

/// A crate's binary is found under the name that the Makefile asks `infra/tools.sh` for.
#[test]
fn every_tool_that_a_target_compiles_is_pinned() {
    let pinned = read("infra/crates.txt");
    let makefile = read("Makefile");
    let asked: Vec<_> =
        makefile.split("infra/tools.sh ").skip(1).filter_map(|it| it.lines().next()).collect();
    assert!(!asked.is_empty(), "a rule over nothing would hold");
    for tool in asked {
        let versions = pinned.lines().filter_map(|it| it.strip_prefix(tool)?.strip_prefix('@')).count();
        assert_eq!(versions, 1, "infra/crates.txt: {tool}");
    }
}

#[test]
fn a_make_command_is_read_from_code_and_not_from_prose() {
    let text =
        "Let us make tea, `make demo APPROVE=auto` or `make up`.\n```sh\n$ make -j2 test  # make sure\n```\n";
    assert_eq!(make_commands(text), BTreeSet::from(["demo", "test", "up"].map(String::from)));
}

fn targets(makefile: &str) -> BTreeSet<String> {
    let rules = makefile.lines().filter(|it| it.starts_with(|first: char| first.is_ascii_lowercase()));
    rules.filter_map(|it| it.split_once(':')).map(|(target, _)| target.to_owned()).collect()
}

/// The targets of `make` in fenced blocks and in code between backticks.
fn make_commands(markdown: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut code = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push(line);
        } else {
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    let commands = code.into_iter().filter_map(|it| it.trim().trim_start_matches("$ ").strip_prefix("make "));
    let words =
        commands.flat_map(|it| it.split(['#', '&', '|', ';']).next().unwrap_or_default().split_whitespace());
    words.filter(|it| !it.starts_with('-') && !it.contains('=')).map(str::to_owned).collect()
}
