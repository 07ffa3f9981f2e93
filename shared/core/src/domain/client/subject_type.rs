//! By which name a client knows a person (OIDC Core §8, CIBA §4).

/// `subject_type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// The same name as for every other client.
    Public,
    /// A name of its own per sector: clients of two sectors cannot tell that it is the same person.
    Pairwise {
        /// The host that the sector is named after (CIBA §4).
        sector: String,
    },
}

impl SubjectType {
    /// The values of the metadata.
    pub const ALL: [&'static str; 2] = ["public", "pairwise"];

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise { .. } => "pairwise",
        }
    }
}
