//! What is tested is what is deployed, though it was built in another profile.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::{product, read, root, sources};

#[test]
fn no_code_of_a_function_depends_on_its_profile() {
    for (path, code) in product() {
        for condition in conditions(&code) {
            // Conditions on tests compile nothing into a function, and neither does a feature that no function selects.
            let is_for_tests = condition == "test" || condition.starts_with(r#"feature = "schema""#);
            assert!(is_for_tests, "{condition} in {}", path.display());
        }
    }
    for manifest in ["aws", "flows", "http", "."].map(|it| format!("shared/{it}/Cargo.toml")) {
        assert!(!read(&manifest).contains("schema\""), "{manifest}");
    }
}

/// The deployed profile changes how fast a function is, and nothing that it decides.
#[test]
fn profiles_turn_no_checks_on_or_off() {
    let manifest = read("Cargo.toml");
    for setting in ["debug-assertions", "overflow-checks", "rustflags"] {
        assert!(!manifest.contains(setting), "Cargo.toml sets {setting}");
    }
}

/// Otherwise `cargo test` compiles a second time what stands on a dependency, and tests what is not deployed.
#[test]
fn programs_and_tests_have_dependencies_of_one_kind() {
    let (programs, tests) = (features("no-dev"), features("all"));
    assert!(programs.len() > 300 && tests.len() > programs.len(), "{} of {}", programs.len(), tests.len());
    let is_same = |package: &str, features: &[String]| features.iter().all(|it| tests[package].contains(it));
    let differ: Vec<_> = programs.iter().filter(|(package, features)| !is_same(package, features)).collect();
    assert!(differ.is_empty(), "with other features in tests: {differ:#?}");
}

/// The features of each dependency, as Cargo selects them for the whole workspace with these kinds of dependencies. More
/// than one selection: a macro or a build script has another one.
fn features(kinds: &str) -> BTreeMap<String, Vec<String>> {
    let tree = ["tree", "--offline", "--locked", "--workspace", "--prefix", "none", "--format", "{p} {f}"];
    let tree = Command::new(env!("CARGO")).args(tree).args(["--edges", kinds]).current_dir(root()).output();
    let tree = tree.expect("cargo starts");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for line in String::from_utf8_lossy(&tree.stdout).lines() {
        let line = line.trim_end_matches(" (*)").replace(" (proc-macro)", "");
        let mut words = line.splitn(3, ' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let features = words.next().unwrap_or_default();
        // A package of this workspace is followed by its path.
        let features = features.split_once(") ").map_or(features, |(_, features)| features);
        let selections = found.entry(format!("{name} {version}")).or_default();
        if !features.starts_with('(') && !selections.iter().any(|it| it == features) {
            selections.push(features.to_owned());
        }
    }
    found
}

/// Most crates are tested from outside, so Cargo is told to build no test programs for them, which takes time: a test
/// there would never run. The same goes for examples in documentation.
#[test]
fn no_test_stands_where_cargo_runs_none() {
    let mut untested = 0;
    for manifest in manifests() {
        let text = read(&manifest);
        let sources = sources(manifest.with_file_name("src").to_str().expect("a path in UTF-8"));
        for section in text.split("\n[").filter(|section| section.contains("\ntest = false\n")) {
            let is_program = section.starts_with("[bin]]");
            let of_section = sources.iter().filter(|(path, _)| path.ends_with("src/main.rs") == is_program);
            for (path, code) in of_section {
                untested += 1;
                let is_free =
                    !["#[test]", "::test]", "cfg(test)", "proptest!"].iter().any(|it| code.contains(it));
                assert!(is_free, "{} has a test that Cargo never runs", path.display());
            }
        }
        for (path, code) in sources {
            let fences: Vec<_> = code.lines().filter(|line| line.trim_start().starts_with("//")).collect();
            let mut fences = fences.iter().filter_map(|line| line.split_once("```")).map(|(_, kind)| kind);
            while let Some(kind) = fences.next() {
                assert_eq!((kind, fences.next()), ("text", Some("")), "{}", path.display());
            }
        }
    }
    assert!(untested > 30, "{untested}");
}

/// The manifests of the crates with a `src`, relative to the root.
fn manifests() -> Vec<PathBuf> {
    let below = ["shared", "functions", "infra", "infra/bench"];
    let entries = below.iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).expect("a folder"));
    let folders = entries.map(|entry| entry.expect("an entry").path()).chain([root().join("shared")]);
    let manifests = folders.map(|folder| folder.join("Cargo.toml")).filter(|manifest| manifest.is_file());
    manifests.map(|it| it.strip_prefix(root()).expect("below the root").to_owned()).collect()
}

#[test]
fn a_condition_is_seen_in_each_form() {
    let code = "#[cfg(test)]\n#[cfg_attr(debug_assertions, allow(x))]\nif cfg!(feature = \"a\") {}";
    assert_eq!(conditions(code), ["test", "debug_assertions, allow(x", "feature = \"a\""]);
}

/// What stands in the parentheses of each `cfg`. An assertion of the development profile decides nothing and is no condition.
fn conditions(code: &str) -> Vec<&str> {
    let starts = ["cfg(", "cfg_attr(", "cfg!("];
    let mut found: Vec<_> =
        starts.iter().flat_map(|start| code.match_indices(start).map(|(at, it)| at + it.len())).collect();
    found.sort_unstable();
    found.into_iter().map(|at| code[at..].split(')').next().unwrap_or_default()).collect()
}
