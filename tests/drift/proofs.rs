//! The tests of the sources, as documents name them.

use crate::sources;

/// A function under `#[test]` or `#[tokio::test]`.
pub(crate) struct Test {
    /// From the root of the workspace.
    pub(crate) file: String,
    pub(crate) name: String,
    /// The text of its doc comment, on one line.
    pub(crate) doc: String,
    pub(crate) is_ignored: bool,
}

pub(crate) fn tests() -> Vec<Test> {
    let all = ["tests", "shared", "functions", "infra"].into_iter().flat_map(sources);
    all.flat_map(|(path, text)| tests_in(&path.to_string_lossy(), &text)).collect()
}

pub(crate) fn tests_in(file: &str, text: &str) -> Vec<Test> {
    let mut found = Vec::new();
    let (mut doc, mut is_test, mut is_ignored) = (String::new(), false, false);
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            doc += comment;
            continue;
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        is_ignored |= line.starts_with("#[ignore");
        if line.starts_with("#[") {
            continue;
        }
        if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default().to_owned();
            found.push(Test { file: file.to_owned(), name, doc: doc.clone(), is_ignored });
        }
        (doc, is_test, is_ignored) = (String::new(), false, false);
    }
    found
}

/// What a name cannot say in this length belongs in the doc comment.
#[test]
fn a_test_has_a_name_of_at_most_60_characters() {
    let long = tests().into_iter().filter(|it| it.name.len() > 60);
    let long: Vec<_> = long.map(|it| format!("{}::{}", it.file, it.name)).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_test_is_read_with_its_comment_and_its_attributes() {
    let source = "/// A-1:\n/// twice.\n#[test]\nfn a() {}\n/// B-1\nfn b() {}\n\
        #[tokio::test(start_paused = true)]\n    async fn c() {\n fn d() {}\n}\n/// E-1\n#[test]\n#[ignore = \"slow\"]\nfn e() {}\n";
    let found = tests_in("x.rs", source);
    let found: Vec<_> = found.iter().map(|it| (&*it.file, &*it.name, &*it.doc, it.is_ignored)).collect();
    let expected =
        [("x.rs", "a", " A-1: twice.", false), ("x.rs", "c", "", false), ("x.rs", "e", " E-1", true)];
    assert_eq!(found, expected);
}
