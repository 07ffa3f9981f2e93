//! The algorithms that this provider signs with.

/// A JWS algorithm (RFC 7518 §3, RFC 8037). One key has one of them (`TOK-12-02`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256: small and quick, the default.
    Es256,
    /// RSA PKCS#1 v1.5: what OIDC Core §15.1 asks of every provider, and the only kind that some verifiers know.
    Rs256,
    /// RSA-PSS.
    Ps256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// In the order in which the metadata lists them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];
    pub const DEFAULT: Self = Self::Es256;

    /// The `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Case-sensitive (`HYG-3-01`).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}
