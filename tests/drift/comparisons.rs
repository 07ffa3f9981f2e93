//! docs/comparisons.md: each comparison of something foreign names the files that make it and the tests that hold it, and all of
//! them are there.

use std::collections::BTreeSet;

use crate::proofs::tests;
use crate::{file_of_shared, read};

/// A row of one of its tables: what, how, by which specification, where, held by.
fn rows(document: &str) -> Vec<[&str; 5]> {
    let tables = document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = tables.map(|row| row.split(" | ").collect::<Vec<_>>());
    let rows = cells.map(|row| row.try_into().unwrap_or_else(|row| panic!("not five cells: {row:?}")));
    rows.filter(|row: &[&str; 5]| row[0] != "what").collect()
}

fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_comparison_has_a_rule_a_place_and_tests_that_exist() {
    let tests: BTreeSet<_> = tests().into_iter().map(|it| it.name).collect();
    let document = read("docs/comparisons.md");
    let rows = rows(&document);
    assert!(rows.len() >= 40, "{} rows", rows.len());
    for [what, how, by, places, held_by] in rows {
        assert!(!how.is_empty() && !by.is_empty(), "{what}: not how, or not by what");
        let places = named(places);
        assert!(!places.is_empty(), "{what}: nowhere");
        for place in places {
            assert!(file_of_shared(place).is_some(), "{what}: there is no {place}");
        }
        let held_by = named(held_by);
        assert!(!held_by.is_empty(), "{what}: nothing holds it");
        for test in held_by {
            assert!(tests.contains(test), "{what}: there is no test {test}");
        }
    }
}
