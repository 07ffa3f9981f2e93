//! The source of a client's public keys.

/// `jwks` or `jwks_uri` of the client, never both (RFC 7591 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// A JWK Set (RFC 7517 §5): JSON text of at most 16 KiB.
    Inline(String),
    /// An https URL on a public host. The addresses that the name resolves to are checked before each fetch.
    Uri(String),
}
