//! The uses of the keys in the table.

use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;

/// The partition key of all keys, and of the item with the withdrawals.
pub(super) const PK: &str = "keys";

/// The use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Seals the other keys; itself encrypted by KMS.
    Data,
    /// Seals `RequestKey`s into handles.
    Handle,
    /// Signs tokens with this algorithm. Each key is for one algorithm (RFC 7517 §4.4).
    Signing(JwsAlgorithm),
    /// Seals the cookies of pages; itself encrypted by KMS, apart from the other keys.
    Page,
    /// Signs this provider's assertions at login issuers and nothing else; itself encrypted by KMS, apart from the other
    /// keys.
    Login,
}

impl KeyUse {
    /// In the order of creation: the data key first, because it seals the others.
    pub const ALL: [Self; 8] = [
        Self::Data,
        Self::Handle,
        Self::Signing(JwsAlgorithm::ES256),
        Self::Signing(JwsAlgorithm::RS256),
        Self::Signing(JwsAlgorithm::PS256),
        Self::Signing(JwsAlgorithm::EdDSA),
        Self::Page,
        Self::Login,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Handle => "handle",
            Self::Signing(JwsAlgorithm::ES256) => "signing-ES256",
            Self::Signing(JwsAlgorithm::RS256) => "signing-RS256",
            Self::Signing(JwsAlgorithm::PS256) => "signing-PS256",
            Self::Signing(JwsAlgorithm::EdDSA) => "signing-EdDSA",
            Self::Page => "page",
            Self::Login => "login",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key_use| key_use.as_str() == text)
    }

    /// The algorithm of a key that signs tokens.
    pub const fn algorithm(self) -> Option<JwsAlgorithm> {
        match self {
            Self::Signing(algorithm) => Some(algorithm),
            Self::Data | Self::Handle | Self::Page | Self::Login => None,
        }
    }

    pub const fn signs_tokens(self) -> bool {
        self.algorithm().is_some()
    }

    /// Whether what its keys made ends, so that a retired one is no longer needed some day. Handles may be as old as a
    /// refresh token, and pairwise subjects and evidence need the data key for good.
    pub const fn ends(self) -> bool {
        match self {
            Self::Signing(_) | Self::Page | Self::Login => true,
            Self::Data | Self::Handle => false,
        }
    }

    pub const fn signs_assertions(self) -> bool {
        matches!(self, Self::Login)
    }
}
