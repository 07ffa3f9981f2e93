//! The data key: seals every other key in the table.
//!
//! ```text
//! secret = HKDF-SHA-256 extract(data key)
//! sealed = nonce ‖ AES-256-GCM(key, AAD = use ‖ "#" ‖ generation)      under expand(secret, "key sealing")
//! ```
//!
//! It is used for nothing itself: each use has a key of its own that is derived from it, so no use can be turned against
//! another. What was sealed before that was so is sealed under the data key itself, and still opens.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use crate::keys::evidence::EvidenceKey;
use crate::keys::personal::PersonalKeys;
use crate::keys::subject::SubjectKey;

/// What the key that seals is derived for.
const SEALING: &[u8] = b"key sealing";

/// What was sealed cannot be opened: another key, another label, or changed bytes.
#[derive(Clone, Copy, Debug)]
pub struct SealError;

/// 256 bits. KMS made them, and only KMS opens them at a cold start.
pub struct DataKey {
    sealing: RandomizedNonceKey,
    /// The data key itself: opens what was sealed under it before, and seals nothing.
    before: RandomizedNonceKey,
    subjects: SubjectKey,
    evidence: EvidenceKey,
    personal: PersonalKeys,
}

impl DataKey {
    pub const BYTES: usize = 32;

    pub fn new(key: &[u8]) -> Result<Self, SealError> {
        let before = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError)?;
        // What is derived from it is told apart by label.
        let secret = Salt::new(HKDF_SHA256, b"").extract(key);
        let mut derived = [0; Self::BYTES];
        let expanded = secret.expand(&[SEALING], HKDF_SHA256).map_err(|_| SealError)?;
        expanded.fill(&mut derived).map_err(|_| SealError)?;
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, &derived).map_err(|_| SealError)?;
        let subjects = SubjectKey::derive(&secret).ok_or(SealError)?;
        let personal = PersonalKeys::new(secret.clone());
        Ok(Self { sealing, before, subjects, evidence: EvidenceKey::new(secret), personal })
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
        open(&self.sealing, label, sealed).or_else(|_| open(&self.before, label, sealed))
    }
}

fn open(key: &RandomizedNonceKey, label: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
    let mut plain = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::from(label), &mut plain).map_err(|_| SealError)?.len();
    plain.truncate(length);
    Ok(plain)
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

    /// `secret`, sealed for `handle#1` under the data key of sevens itself, by another implementation of AES-GCM.
    const BEFORE: [u8; 22] = [
        0x05, 0x84, 0xea, 0xc5, 0xf5, 0xcb, 0x35, 0xb2, 0xd8, 0xe1, 0x7f, 0x6a, 0xee, 0xdb, 0xc7, 0x2e, 0xf9,
        0x4b, 0xae, 0xb2, 0xa7, 0xcf,
    ];

    /// A known value: what lies in tables has to stay readable.
    #[test]
    fn the_data_key_itself_seals_nothing_and_opens_what_it_sealed() {
        let key = DataKey::new(&[7; 32]).unwrap();
        // As it was made before: under the data key itself, under the nonce 1, 1, ….
        let sealed: Vec<u8> = [&[1; NONCE_LEN][..], &BEFORE].concat();
        assert_eq!(key.open("handle#1", &sealed).unwrap(), b"secret");
        assert!(key.open("handle#2", &sealed).is_err());
        let itself = RandomizedNonceKey::new(&AES_256_GCM, &[7; 32]).unwrap();
        let sealed = key.seal("handle#1", b"secret").unwrap();
        assert!(open(&itself, "handle#1", &sealed).is_err());
        assert_eq!(open(&key.sealing, "handle#1", &sealed).unwrap(), b"secret");
    }
}
