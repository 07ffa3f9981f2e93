//! What the keys in the table are for.

use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;

/// Under it lie all keys, and what says which are withdrawn.
pub(super) const PK: &str = "keys";

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Seals the other keys; itself encrypted by KMS.
    Data,
    /// Seals `RequestKey`s into handles.
    Handle,
    /// Signs tokens by this algorithm: one key, one algorithm (`TOK-12-02`).
    Signing(JwsAlgorithm),
}

impl KeyUse {
    /// In the order in which they are made: the first rests on nothing, and the others on it.
    pub const ALL: [Self; 6] = [
        Self::Data,
        Self::Handle,
        Self::Signing(JwsAlgorithm::ES256),
        Self::Signing(JwsAlgorithm::RS256),
        Self::Signing(JwsAlgorithm::PS256),
        Self::Signing(JwsAlgorithm::EdDSA),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Handle => "handle",
            Self::Signing(JwsAlgorithm::ES256) => "signing-ES256",
            Self::Signing(JwsAlgorithm::RS256) => "signing-RS256",
            Self::Signing(JwsAlgorithm::PS256) => "signing-PS256",
            Self::Signing(JwsAlgorithm::EdDSA) => "signing-EdDSA",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key_use| key_use.as_str() == text)
    }

    /// The algorithm of a signing key.
    pub const fn algorithm(self) -> Option<JwsAlgorithm> {
        match self {
            Self::Signing(algorithm) => Some(algorithm),
            Self::Data | Self::Handle => None,
        }
    }
}
