//! docs/threats.md: each defence against a threat names the tests that prove it, and these are there.

use std::collections::BTreeSet;

use crate::proofs::tests;
use crate::read;

/// One row of a table of defences.
struct Defence {
    threat: String,
    defence: String,
    proven_by: Vec<String>,
}

/// The rows below each `| defence | proven by |`, under the heading that they stand under.
fn defences(document: &str) -> Vec<Defence> {
    let mut found = Vec::new();
    let (mut threat, mut in_table) = ("", false);
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            (threat, in_table) = (heading, false);
        }
        match line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) {
            None => in_table &= line.starts_with('|'),
            Some("defence | proven by") => in_table = true,
            Some(row) if in_table => {
                let (defence, tests) = row.rsplit_once(" | ").unwrap_or((row, ""));
                found.push(Defence {
                    threat: threat.to_owned(),
                    defence: defence.to_owned(),
                    proven_by: tests.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
                });
            }
            Some(_) => {}
        }
    }
    found
}

#[test]
fn every_defence_names_tests_and_each_of_them_exists() {
    let tests: BTreeSet<_> = tests().into_iter().map(|it| it.name).collect();
    let defences = defences(&read("docs/threats.md"));
    for Defence { threat, defence, proven_by } in &defences {
        assert!(!proven_by.is_empty(), "{threat}: nothing proves {defence:?}");
        for test in proven_by {
            assert!(tests.contains(test), "{threat}: there is no test {test}, which is to prove {defence:?}");
        }
    }
}

#[test]
fn every_threat_has_a_defence() {
    let document = read("docs/threats.md");
    let threats: BTreeSet<_> = document.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let defences = defences(&document);
    let defended: BTreeSet<_> = defences.iter().map(|it| &*it.threat).collect();
    assert!(!threats.is_empty());
    assert_eq!(defended, threats);
}

#[test]
fn a_defence_is_read_from_its_table() {
    let document = "## A\n| other | table |\n| x | `y` |\n\n| defence | proven by |\n|---|---|\n| `b` is c | `d_e`, `f` |\n\
        | g |  |\n\n| h | `i` |\n";
    let found = defences(document);
    let found: Vec<_> = found.iter().map(|it| (&*it.threat, &*it.defence, it.proven_by.join("+"))).collect();
    assert_eq!(found, [("A", "`b` is c", "d_e+f".to_owned()), ("A", "g", String::new())]);
}
