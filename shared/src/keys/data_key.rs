//! The data key: seals every other key in the table.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use crate::keys::evidence::EvidenceKey;
use crate::keys::personal::PersonalKeys;
use crate::keys::subject::SubjectKey;

/// What was sealed cannot be opened: another key, another label, or changed bytes.
#[derive(Clone, Copy, Debug)]
pub struct SealError;

/// An AES-256-GCM key. KMS made it, and only KMS opens it at a cold start.
pub struct DataKey {
    sealing: RandomizedNonceKey,
    subjects: SubjectKey,
    evidence: EvidenceKey,
    personal: PersonalKeys,
}

impl DataKey {
    pub const BYTES: usize = 32;

    pub fn new(key: &[u8]) -> Result<Self, SealError> {
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError)?;
        // What is derived from it is told apart by label.
        let secret = Salt::new(HKDF_SHA256, b"").extract(key);
        let subjects = SubjectKey::derive(&secret).ok_or(SealError)?;
        let personal = PersonalKeys::new(secret.clone());
        Ok(Self { sealing, subjects, evidence: EvidenceKey::new(secret), personal })
    }

    /// Seals `plain` under a random nonce: nonce ‖ ciphertext ‖ tag. What is sealed for one `label` opens for
    /// no other.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = plain.to_vec();
        let nonce =
            self.sealing.seal_in_place_append_tag(Aad::from(label), &mut sealed).map_err(|_| SealError)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    pub(super) fn subjects(&self) -> &SubjectKey {
        &self.subjects
    }

    pub(super) fn evidence(&self) -> &EvidenceKey {
        &self.evidence
    }

    pub(super) fn personal(&self) -> &PersonalKeys {
        &self.personal
    }

    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut plain = sealed.to_vec();
        let length =
            self.sealing.open_in_place(nonce, Aad::from(label), &mut plain).map_err(|_| SealError)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_own_key_and_label_only() {
        let key = DataKey::new(&[7; 32]).unwrap();
        let sealed = key.seal("handle#1", b"secret").unwrap();
        assert_eq!(key.open("handle#1", &sealed).unwrap(), b"secret");
        assert!(key.open("handle#2", &sealed).is_err());
        assert!(DataKey::new(&[8; 32]).unwrap().open("handle#1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("handle#1", &changed).is_err(), "byte {at}");
        }
        assert!(key.open("handle#1", &sealed[..5]).is_err());
        assert_ne!(sealed, key.seal("handle#1", b"secret").unwrap(), "the nonce is random");
    }
}
