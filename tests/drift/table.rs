//! What a poll writes must not be in the index, or every poll would pay for a second write.

use std::collections::BTreeSet;

use ciba::store::attribute::ITEMS;

use crate::{TEMPLATE, read};

/// What a poll sets, in time and too soon.
const WRITTEN_BY_A_POLL: [&str; 3] = ["interval", "next_poll_at", "write_id"];

#[test]
fn the_pending_index_holds_nothing_that_a_poll_writes() {
    for index in &TEMPLATE.table.indexes {
        assert_eq!(
            index.projection.kind, "INCLUDE",
            "{}: ALL would hold everything a poll writes",
            index.name
        );
        let keys = index.keys.iter().map(|it| &it.attribute);
        let held: BTreeSet<_> = keys.chain(&index.projection.attributes).map(String::as_str).collect();
        let written: Vec<_> = WRITTEN_BY_A_POLL.iter().filter(|it| held.contains(*it)).collect();
        assert!(written.is_empty(), "{} holds {written:?}", index.name);
    }
}

#[test]
fn the_table_has_the_one_index_the_code_queries() {
    let names: Vec<_> = TEMPLATE.table.indexes.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["pending-by-user"]);
}

/// By item, the attributes that docs/architecture.md names in its last column; what is in parentheses explains them.
fn documented() -> Vec<(String, BTreeSet<String>)> {
    let document = read("docs/architecture.md");
    let table = document.split("\n## The table").nth(1).expect("the section");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|cells| cells.len() == 4);
    rows.filter(|cells| cells[0] != "item")
        .map(|cells| {
            let outside: Vec<_> = cells[3]
                .split('(')
                .enumerate()
                .map(
                    |(n, part)| if n == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) },
                )
                .collect();
            let names = outside.join(" ");
            let names = names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (cells[0].to_owned(), names)
        })
        .collect()
}

/// Both directions: nothing is written that the document does not describe, and it describes nothing that is not there.
#[test]
fn the_document_describes_each_attribute_of_each_item() {
    let documented = documented();
    let names: Vec<_> = documented.iter().map(|(name, _)| name.as_str()).collect();
    let declared: Vec<_> = ITEMS.iter().map(|it| it.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>(), declared.iter().collect::<BTreeSet<_>>());
    for item in ITEMS {
        let (_, described) = documented.iter().find(|(name, _)| name == item.name).expect(item.name);
        let declared: BTreeSet<_> = item.attributes.iter().map(|it| (*it).to_owned()).collect();
        let missing: Vec<_> = declared.difference(described).collect();
        let unknown: Vec<_> = described.difference(&declared).collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "{}: missing {missing:?}, unknown {unknown:?}",
            item.name
        );
    }
}
