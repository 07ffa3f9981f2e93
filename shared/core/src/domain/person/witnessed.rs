//! A document signed with a key that cannot be used with write access to the table alone.

/// A document with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub document: String,
    /// A detached JWS over it (RFC 7515, appendix F).
    pub witness: String,
}
