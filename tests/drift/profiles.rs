//! What is tested is what is deployed, though it was built in another profile.

use crate::{product, read};

#[test]
fn no_code_of_a_function_depends_on_its_profile() {
    for (path, code) in product() {
        for condition in conditions(&code) {
            // Conditions on tests compile nothing into a function.
            assert_eq!(condition, "test", "{}", path.display());
        }
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
