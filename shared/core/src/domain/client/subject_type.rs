//! Which kind of `sub` a client gets for a person (OIDC Core §8, CIBA §4).

/// `subject_type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// The same `sub` as for every other client.
    Public,
    /// A different `sub` for each sector: clients of two sectors cannot tell that it is the same person.
    Pairwise {
        /// The host that identifies the sector (CIBA §4).
        sector: String,
    },
}

impl SubjectType {
    /// The values in the metadata.
    pub const ALL: [&'static str; 2] = ["public", "pairwise"];

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise { .. } => "pairwise",
        }
    }
}
