//! docs/performance.md: its figures are of the functions that are deployed.

use std::collections::BTreeSet;

use crate::{TEMPLATE, read};

/// The first cells of the rows of every table between the marks whose first column is headed `function`.
fn functions_named(document: &str) -> BTreeSet<String> {
    let (_, rest) = document.split_once("<!-- figures: begin -->").expect("the first mark");
    let (figures, _) = rest.split_once("<!-- figures: end -->").expect("the second mark");
    let mut named = BTreeSet::new();
    let mut of_functions = false;
    for line in figures.lines() {
        let Some(cell) = line.strip_prefix("| ").and_then(|it| it.split(" |").next()) else {
            of_functions = false;
            continue;
        };
        match cell {
            "function" => of_functions = true,
            "---" => {}
            name if of_functions => _ = named.insert(name.to_owned()),
            _ => {}
        }
    }
    named
}

#[test]
fn the_figures_cover_the_templates_functions_and_the_bare_one() {
    let mut expected: BTreeSet<_> = TEMPLATE.functions.iter().map(|it| it.binary.clone()).collect();
    expected.insert("bare-function".to_owned());
    assert_eq!(functions_named(&read("docs/performance.md")), expected, "`make bench` writes them");
}

/// What a function is billed for depends on its memory, which the figures assume.
#[test]
fn the_memory_in_the_cost_model_is_that_of_the_template() {
    let memory = &crate::DOCUMENT["Globals"]["Function"]["MemorySize"];
    assert_eq!(memory.as_f64(), Some(ciba_bench::cost::MEMORY));
    for (name, function) in crate::resources("AWS::Serverless::Function") {
        assert!(function["Properties"]["MemorySize"].is_null(), "{name} has a memory of its own");
    }
}

/// Without this setting the first randomness of a cold start takes some 30 ms of CPU. Cargo reads it in the folder
/// it is started in and in those above, and SAM starts it in a function's own.
#[test]
fn the_functions_are_built_without_jitter_entropy_also_by_sam() {
    assert!(read(".cargo/config.toml").lines().any(|it| it == "AWS_LC_SYS_NO_JITTER_ENTROPY = \"1\""));
    for (name, function) in crate::resources("AWS::Serverless::Function") {
        let folder = function["Properties"]["CodeUri"].as_str().expect("a folder");
        assert!(crate::root().join(folder).is_dir() && folder.starts_with("functions/"), "{name}: {folder}");
    }
}

#[test]
fn only_tables_of_functions_between_the_marks_are_looked_at() {
    let document = "| function |\n| --- |\n| before |\n<!-- figures: begin -->\n| function | ms |\n| --- | --- |\n\
        | token | 1 |\n\n| step |\n| --- |\n| ask |\n<!-- figures: end -->\n";
    assert_eq!(functions_named(document), BTreeSet::from(["token".to_owned()]));
}
