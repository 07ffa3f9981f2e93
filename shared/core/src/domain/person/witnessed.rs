//! A document with the signature of a key that no writer of the table has.

/// A document, and what a key outside the table says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub document: String,
    /// A detached JWS over it (RFC 7515, appendix F).
    pub witness: String,
}
