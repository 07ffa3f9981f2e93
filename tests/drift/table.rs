//! What a poll writes must not be in the index, or every poll would pay for a second write.

use std::collections::BTreeSet;

use crate::TEMPLATE;

/// What a poll sets, in time and too soon.
const WRITTEN_BY_A_POLL: [&str; 3] = ["interval", "next_poll_at", "write_id"];

#[test]
fn the_index_of_pending_requests_holds_nothing_that_a_poll_writes() {
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
