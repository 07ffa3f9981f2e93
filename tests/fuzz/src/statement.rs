//! Statements, as they are kept in evidence.

use ciba::domain::request::decision::DecisionWord;
use ciba::domain::request::statement::{Shown, Statement};

use serde_json::Value;

use crate::text;

/// A text is no statement, or one that has one text, in which nothing of it is lost.
pub fn statement(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(statement) = Statement::decode(text) else { return };
    let written = statement.encode();
    let again = Statement::decode(&written).expect("what was written");
    assert_eq!(again.encode(), written, "written again");
    assert_eq!(again, statement, "read again");
    let sent = serde_json::from_str(text).expect("a statement is JSON, and nothing follows it");
    let kept = serde_json::from_str(&written).expect("a statement is JSON");
    assert_eq!(leaves(&sent), leaves(&kept), "something is lost");
    let all = statement.in_order(|_| true);
    let challenge = Shown::of(&written).challenge(&all, DecisionWord::Approve);
    assert_ne!(challenge, Shown::of(&written).challenge(&all, DecisionWord::Deny), "another decision");
    assert_ne!(challenge, Shown::of(&format!("{written} ")).challenge(&all, DecisionWord::Approve));
    let less = Shown::of(&written).challenge("", DecisionWord::Approve);
    assert!(all.is_empty() || challenge != less, "another selection");
}

/// The texts and numbers in it, in any order. Members that are absent are written as null by some.
fn leaves(value: &Value) -> Vec<String> {
    let mut leaves: Vec<_> = match value {
        Value::Null => vec![],
        // -0 is written as 0.
        Value::Number(number) => {
            vec![number.as_i64().map_or_else(|| number.to_string(), |it| it.to_string())]
        }
        Value::Bool(_) | Value::String(_) => vec![value.to_string()],
        Value::Array(elements) => elements.iter().flat_map(self::leaves).collect(),
        Value::Object(members) => members.values().flat_map(self::leaves).collect(),
    };
    leaves.sort();
    leaves
}
