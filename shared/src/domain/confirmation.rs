//! What an access token is bound to (RFC 7800): whoever presents it has to have a key.

/// What a client's access tokens are bound to for certain. Without either, a token is bound to what its client presents
/// of its own accord.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderConstraint {
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4).
    pub certificate: bool,
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2).
    pub dpop: bool,
}
