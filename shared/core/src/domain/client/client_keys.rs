//! Where a client's public keys are.

/// `jwks` or `jwks_uri` of the client (RFC 7591 §2). Never both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// A JWK Set (RFC 7517 §5): JSON text of at most 16 KiB.
    Inline(String),
    /// An https URL on a public host; what its name resolves to is looked at before each fetch.
    Uri(String),
}
