//! A row that is shown to a person.

use serde::{Deserialize, Serialize};

/// One row: a label, and the value that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub label: String,
    pub value: String,
}
