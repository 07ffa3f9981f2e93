//! A line that a person reads.

use serde::{Deserialize, Serialize};

/// One line: what it is about, and what was sent of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub label: String,
    pub value: String,
}
