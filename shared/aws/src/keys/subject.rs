//! Pairwise subjects (OIDC Core §8.1): a person's key, sealed for one sector.
//!
//! ```text
//! sub = base64url( AES-256-GCM-SIV(PersonKey, AAD = "pairwise" ‖ sector) )      51 characters
//! ```
//!
//! It is deterministic, so a person permanently has one `sub` per sector; encrypted, so sectors cannot correlate
//! people and nobody else can compute a `sub`; and reversible, so that an `id_token_hint` with it can be resolved
//! without a further item in the table.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::Prk;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::person_key::PersonKey;

/// Constant, because a message that is sealed twice must yield the same `sub` (RFC 8452 §9).
const NONCE: [u8; 12] = [0; 12];
const LABEL: &[u8] = b"pairwise";

/// The key of all pairwise subjects. It is derived from the first data key and never rotated, because a `sub` is
/// never reassigned (OIDC Core §2).
pub(super) struct SubjectKey(LessSafeKey);

impl SubjectKey {
    /// `None` only if the cipher itself fails.
    pub(super) fn derive(secret: &Prk) -> Option<Self> {
        let derived = secret.expand(&[b"pairwise subjects"], &AES_256_GCM_SIV).ok()?;
        Some(Self(LessSafeKey::new(UnboundKey::from(derived))))
    }

    pub(super) fn seal(&self, sector: &str, person: &PersonKey) -> Option<String> {
        let mut body = person.as_str().as_bytes().to_vec();
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(NONCE), aad(sector), &mut body).ok()?;
        Some(URL_SAFE_NO_PAD.encode(body))
    }

    /// The person with this `sub`. `None` if it is not a `sub` of this sector.
    pub(super) fn open(&self, sector: &str, sub: &str) -> Option<PersonKey> {
        let mut body = URL_SAFE_NO_PAD.decode(sub).ok()?;
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let plain = self.0.open_in_place(nonce, aad(sector), &mut body).ok()?;
        Some(PersonKey::from_stored(std::str::from_utf8(plain).ok()?))
    }
}

fn aad(sector: &str) -> Aad<Vec<u8>> {
    Aad::from([LABEL, sector.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::DataKey;

    /// TOK-1-02, CIBA-4-16
    #[test]
    fn a_person_has_one_name_per_sector_and_it_opens_there_only() {
        let key = DataKey::new(&[7; 32]).unwrap();
        let key = key.subjects();
        let alice = PersonKey::new("https://login.example", "alice");
        let name = key.seal("bank.example", &alice).unwrap();
        assert_eq!(name.len(), 51);
        assert_eq!(DataKey::new(&[7; 32]).unwrap().subjects().seal("bank.example", &alice).unwrap(), name);
        assert_ne!(key.seal("shop.example", &alice).unwrap(), name);
        assert_ne!(DataKey::new(&[8; 32]).unwrap().subjects().seal("bank.example", &alice).unwrap(), name);

        assert_eq!(key.open("bank.example", &name), Some(alice));
        for (sector, text) in [("shop.example", &*name), ("bank.example", "alice"), ("bank.example", "")] {
            assert_eq!(key.open(sector, text), None, "{sector} {text}");
        }
    }
}
