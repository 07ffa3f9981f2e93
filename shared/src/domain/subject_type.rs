//! By which name a client knows a person (OIDC Core §8).

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
