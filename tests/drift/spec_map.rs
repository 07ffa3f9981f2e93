//! docs/spec-map.md: each rule has one row, in order, and names tests that name it, or says why there are none.
//! `tests/ran.py` looks whether these passed.

use std::collections::{BTreeMap, BTreeSet};

use crate::proofs::{Test, tests, tests_in};
use crate::{file_of_shared, read, root};

/// A row more or less is a rule more or less.
const RULES: usize = 520;

const FAMILIES: [&str; 8] = ["CIBA", "FCIBA", "CAUTH", "TOK", "HYG", "ATK", "RP", "HOOK"];

/// One row of a table of rules.
#[derive(Debug, PartialEq)]
struct Rule {
    id: String,
    proof: Proof,
}

#[derive(Debug, PartialEq)]
enum Proof {
    /// As they stand in the row: path and name.
    Tests(Vec<String>),
    /// `left out: …` or `not testable: …`.
    Reason(String),
}

/// `CIBA-7.1-13` → `CIBA-7.1` and 13; `FCIBA-01` → `FCIBA` and 1. `None` for all else, such as `ATK-2` and `RFC-12`.
fn section_and_number(id: &str) -> Option<(&str, usize)> {
    let (section, number) = id.rsplit_once('-')?;
    let (family, chapter) = section.split_once('-').unwrap_or((section, ""));
    let is_chapter = chapter.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let is_known = FAMILIES.contains(&family) && is_chapter && chapter.is_empty() == (family == "FCIBA");
    let is_number = number.len() == 2 && number.bytes().all(|it| it.is_ascii_digit());
    (is_known && is_number).then(|| (section, number.parse().expect("two digits")))
}

/// The ids that a text names, each in full: there are no ranges.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '-' | '.'));
    words.map(|it| it.trim_end_matches(['.', '-'])).filter(|it| section_and_number(it).is_some())
}

/// The rows of all tables of rules.
///
/// # Errors
/// What is wrong with a row.
fn rules(document: &str) -> Result<Vec<Rule>, String> {
    let mut found = Vec::new();
    let mut in_table = false;
    for line in document.lines() {
        match line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) {
            None => in_table &= line.starts_with("|--"),
            Some("id | rule | where | proven by") => in_table = true,
            Some(row) if in_table => {
                let cells: Vec<_> = row.split('|').map(str::trim).collect();
                let &[id, rule, _, proof] = cells.as_slice() else {
                    return Err(format!("four cells: {line}"));
                };
                let id = id.trim_end_matches('°');
                if section_and_number(id).is_none() || rule.is_empty() {
                    return Err(format!("an id and a rule: {line}"));
                }
                let proof = self::proof(proof).ok_or_else(|| format!("tests or a reason: {line}"))?;
                found.push(Rule { id: id.to_owned(), proof });
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// One to three tests between backticks, or a reason.
fn proof(cell: &str) -> Option<Proof> {
    let reason = ["left out: ", "not testable: "].iter().find_map(|it| cell.strip_prefix(it));
    if let Some(reason) = reason {
        return (!reason.is_empty()).then(|| Proof::Reason(reason.to_owned()));
    }
    let tests: Option<Vec<_>> =
        cell.split(", ").map(|it| Some(it.strip_prefix('`')?.strip_suffix('`')?.to_owned())).collect();
    tests.filter(|it| it.len() <= 3).map(Proof::Tests)
}

/// `provider/token/polling.rs` stands in tests, `domain/client.rs` below shared; what is elsewhere is named in full.
fn file(path: &str) -> String {
    let in_tests = format!("tests/{path}");
    if root().join(&in_tests).is_file() {
        in_tests
    } else {
        file_of_shared(path).unwrap_or_else(|| path.to_owned())
    }
}

/// What is wrong with these rows, given these tests.
fn flaws(rules: &[Rule], tests: &[Test]) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut last = BTreeMap::new();
    let mut before = "";
    for Rule { id, proof } in rules {
        let (section, number) = section_and_number(id).expect("it was read as one");
        let expected = last.get(section).map_or(1, |it| it + 1);
        if number != expected || (number > 1 && section != before) {
            flaws.push(format!("{id} does not follow {section}-{:02}", expected - 1));
        }
        last.insert(section, number);
        before = section;
        let Proof::Tests(named) = proof else { continue };
        for test in named {
            let (path, name) = test.rsplit_once("::").unwrap_or((test, ""));
            let file = file(path);
            let found = tests.iter().find(|it| it.file == file && it.name == name);
            match found {
                None => flaws.push(format!("{id}: there is no test {test}")),
                Some(it) if it.is_ignored => flaws.push(format!("{id}: {test} is ignored")),
                Some(it) if !ids(&it.doc).any(|named| named == id) => {
                    flaws.push(format!("{id}: {test} does not say that it proves it"));
                }
                Some(_) => {}
            }
        }
    }
    let known: BTreeSet<_> = rules.iter().map(|it| &*it.id).collect();
    for test in tests {
        let unknown = ids(&test.doc).filter(|it| !known.contains(it));
        flaws.extend(unknown.map(|id| format!("{}::{} names {id}, which has no row", test.file, test.name)));
    }
    flaws
}

/// Its tests name it.
#[test]
fn every_rule_is_proven_by_tests_or_says_why_not() {
    let rules = rules(&read("docs/spec-map.md")).expect("a table that can be read");
    let flaws = flaws(&rules, &tests());
    assert!(flaws.is_empty(), "docs/spec-map.md: {flaws:#?}");
    assert_eq!(rules.len(), RULES);
}

#[test]
fn a_row_has_one_id_and_tests_or_a_reason() {
    let row = |row: &str| rules(&format!("| id | rule | where | proven by |\n|---|---|---|---|\n{row}\n"));
    let tests = |names: &[&str]| Proof::Tests(names.iter().map(|it| (*it).to_owned()).collect());
    let rule = |id: &str, proof| Ok(vec![Rule { id: id.to_owned(), proof }]);
    assert_eq!(
        row("| TOK-1-01° | a | b.rs | `c.rs::d`, `e.rs::f` |"),
        rule("TOK-1-01", tests(&["c.rs::d", "e.rs::f"]))
    );
    assert_eq!(row("| FCIBA-01 | a |  | left out: why |"), rule("FCIBA-01", Proof::Reason("why".to_owned())));
    for bad in [
        "| TOK-1-01 | a | b |  |",
        "| TOK-1-01 | a | b | left out:  |",
        "| TOK-1-01 | a | b | token |",
        "| TOK-1-01 | a | b | `c.rs::d` and more |",
        "| TOK-1-01 | a | b | `c::d`, `c::e`, `c::f`, `c::g` |",
        "| TOK-1-01 |  | b | `c.rs::d` |",
        "| TOK-1-01 | a | b |",
        "| TOK-1-01, 1-02 | a | b | `c.rs::d` |",
        "| TOK-1-01 to 1-02 | a | b | `c.rs::d` |",
        "| TOK-01 | a | b | `c.rs::d` |",
    ] {
        assert!(row(bad).is_err(), "{bad}");
    }
}

#[test]
fn each_flaw_of_the_map_is_found() {
    let source =
        "/// TOK-1-01, TOK-1-02: so.\n#[test]\nfn a() {}\n/// TOK-1-01\n#[test]\n#[ignore]\nfn b() {}\n";
    let tests = tests_in("functions/x/src/lib.rs", source);
    let told = |ids: &[(&str, &str)]| {
        let rule = |&(id, name): &(&str, &str)| Rule {
            id: id.to_owned(),
            proof: Proof::Tests(vec![format!("functions/x/src/lib.rs::{name}")]),
        };
        flaws(&ids.iter().map(rule).collect::<Vec<_>>(), &tests).join("; ")
    };
    assert_eq!(told(&[("TOK-1-01", "a"), ("TOK-1-02", "a")]), "");
    for (rows, flaw) in [
        (&[("TOK-1-01", "a"), ("TOK-1-02", "c")][..], "there is no test"),
        (&[("TOK-1-01", "b"), ("TOK-1-02", "a")], "is ignored"),
        (&[("TOK-1-01", "a"), ("TOK-1-02", "a"), ("TOK-1-03", "a")], "does not say that it proves it"),
        (&[("TOK-1-01", "a")], "names TOK-1-02, which has no row"),
        (&[("TOK-1-02", "a"), ("TOK-1-01", "a")], "TOK-1-02 does not follow TOK-1-00"),
        (&[("TOK-1-01", "a"), ("TOK-1-02", "a"), ("TOK-1-02", "a")], "TOK-1-02 does not follow TOK-1-02"),
        (&[("TOK-1-01", "a"), ("TOK-2-01", "a"), ("TOK-1-02", "a")], "TOK-1-02 does not follow TOK-1-01"),
    ] {
        assert!(told(rows).contains(flaw), "{flaw}: {}", told(rows));
    }
}

#[test]
fn an_id_is_told_from_what_looks_like_one() {
    let text = "CIBA-7.1-13, `ATK-8-03`: (HYG-1-01) FCIBA-02. TOK-1-02- and ATK-2, RFC-12, CIBA-10, TOK-1-1, XTOK-1-01, \
        FCIBA-1-01, CIBA-4-15 to 4-20";
    let expected = ["CIBA-7.1-13", "ATK-8-03", "HYG-1-01", "FCIBA-02", "TOK-1-02", "CIBA-4-15"];
    assert_eq!(ids(text).collect::<Vec<_>>(), expected);
}
