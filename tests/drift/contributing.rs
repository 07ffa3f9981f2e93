//! CONTRIBUTING.md: what it says is decided in a file is decided there.

use crate::{file_of_shared, read, root};

const HEADING: &str = "## Where things are decided";

#[test]
fn each_decision_is_in_the_file_that_contributing_names() {
    let contributing = read("CONTRIBUTING.md");
    let (_, section) = contributing.split_once(HEADING).expect(HEADING);
    let section = section.split("\n## ").next().unwrap_or_default();
    let answers =
        section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").nth(1));
    let places: Vec<_> =
        answers.flat_map(|answer| answer.split("; ")).filter_map(|it| it.split_once(" in ")).collect();
    assert!(places.len() >= 10, "{places:?}");
    for (functions, file) in places {
        let file = file.trim_matches('`');
        let path = if root().join(file).is_file() { Some(file.to_owned()) } else { file_of_shared(file) };
        let source = read(path.unwrap_or_else(|| panic!("there is no {file}")));
        for function in functions.split('`').skip(1).step_by(2) {
            let defines = ["(", "<"].iter().any(|after| source.contains(&format!("fn {function}{after}")));
            assert!(defines, "{file} has no function {function}");
        }
    }
}
