//! Statements, as they are kept in evidence.

use ciba::domain::request::decision::DecisionWord;
use ciba::domain::request::statement::{Shown, Statement};

use crate::text;

/// A text is no statement, or one that has one text.
pub fn statement(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(statement) = Statement::decode(text) else { return };
    let written = statement.encode();
    let again = Statement::decode(&written).expect("what was written");
    assert_eq!(again.encode(), written, "written again");
    assert_eq!(again, statement, "read again");
    let all = statement.in_order(|_| true);
    let challenge = Shown::of(&written).challenge(&all, DecisionWord::Approve);
    assert_ne!(challenge, Shown::of(&written).challenge(&all, DecisionWord::Deny), "another decision");
    assert_ne!(challenge, Shown::of(&format!("{written} ")).challenge(&all, DecisionWord::Approve));
}
