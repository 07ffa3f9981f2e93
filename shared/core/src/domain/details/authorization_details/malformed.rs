//! Why a definition is refused.

/// Why the definition of a type is refused, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Malformed {
    pub(super) fn of(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
