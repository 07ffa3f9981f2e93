//! Secrets: redacted in `Debug`, without `Display` or `Serialize`, compared in constant time.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

/// A secret as presented.
///
/// # Security
/// It is never stored; only its [`SecretHash`] is.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The only access to the text, so that a review can look at each use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> SecretHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.as_bytes()).as_ref());
        SecretHash(hash)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret of at least 32 characters (192 bits of base64url).
///
/// A slow hash would protect secrets that people invent. Client secrets are long and random (registration refuses
/// others), so there is nothing to guess, and a client authentication costs a microsecond.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of no known secret. It is checked for unknown clients, so that the time taken does not reveal
    /// whether a client exists.
    pub const OF_NOTHING: Self = Self([0; 32]);

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn matches(&self, presented: &Secret) -> bool {
        verify_slices_are_equal(&self.0, &presented.hash().0).is_ok()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_own_secret_only() {
        let hash = Secret::new("correct horse").hash();
        assert!(hash.matches(&Secret::new("correct horse")));
        assert!(!hash.matches(&Secret::new("correct horsf")));
        assert!(!SecretHash::OF_NOTHING.matches(&Secret::new("")));
    }

    /// HYG-5-01
    #[test]
    fn debug_output_shows_no_secret() {
        let secret = Secret::new("correct horse");
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains("horse"));
    }
}
