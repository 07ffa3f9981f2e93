//! Personal keys: the personal data in a person's evidence is sealed under that person's key, and deleting the
//! key erases the data.
//!
//! ```text
//! wrapping key = HKDF-SHA-256(first data key, "personal evidence" ‖ PersonKey)
//! stored       = AES-256-GCM-SIV(wrapping key, personal key)              an item of its own
//! document key = HKDF-SHA-256(personal key, sort key ‖ RequestKey)
//! sealed       = base64url( AES-256-GCM-SIV(document key, salt ‖ text) )   in the document
//! ```
//!
//! The personal key is random and stored nowhere else, so a deleted one cannot be recovered. Each document has a
//! key of its own, which seals one message and cannot open another document.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::request::evidence::SaltedText;

/// The nonce can be constant because each key seals only one message. The exception is a wrapping key, which
/// seals a second message if the person gets a new personal key after an erasure. This cipher tolerates that
/// (RFC 8452 §9).
const NONCE: [u8; 12] = [0; 12];
const LABEL: &[u8] = b"personal evidence";

/// The secret from which the wrapping keys of all personal keys are derived. It comes from the first data key and
/// is never rotated, because evidence is kept for years.
pub(super) struct PersonalKeys(Prk);

impl PersonalKeys {
    pub(super) fn new(secret: Prk) -> Self {
        Self(secret)
    }

    /// `random`, wrapped for this person. `None` only if the cipher itself fails.
    pub(super) fn wrap(&self, person: &PersonKey, random: &[u8; PersonalKey::BYTES]) -> Option<Vec<u8>> {
        let mut body = random.to_vec();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        self.of(person)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).ok()?;
        Some(body)
    }

    /// `None` if it was not wrapped for this person.
    pub(super) fn unwrap(&self, person: &PersonKey, wrapped: &[u8]) -> Option<PersonalKey> {
        let mut body = wrapped.to_vec();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let plain = self.of(person)?.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        Some(PersonalKey::of((&*plain).try_into().ok()?))
    }

    fn of(&self, person: &PersonKey) -> Option<LessSafeKey> {
        let label = [LABEL, person.as_str().as_bytes()];
        derived(&self.0, &label)
    }
}

/// One person's key.
pub struct PersonalKey(Prk);

impl PersonalKey {
    /// The length of the key. Unit: bytes.
    pub const BYTES: usize = 32;

    pub(super) fn of(random: &[u8; Self::BYTES]) -> Self {
        Self(Prk::new_less_safe(HKDF_SHA256, random))
    }

    /// `None` only if the cipher itself fails.
    pub fn seal(&self, request: &RequestKey, filed_as: &str, text: &SaltedText) -> Option<String> {
        let mut body = text.to_bytes();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let key = derived(&self.0, &[filed_as.as_bytes(), request.as_bytes()])?;
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).ok()?;
        Some(URL_SAFE_NO_PAD.encode(body))
    }

    /// `None` if it was not sealed under this key, for this request and this sort key.
    pub fn open(&self, request: &RequestKey, filed_as: &str, sealed: &str) -> Option<SaltedText> {
        let mut body = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let key = derived(&self.0, &[filed_as.as_bytes(), request.as_bytes()])?;
        SaltedText::from_bytes(key.open_in_place(nonce, Aad::empty(), &mut body).ok()?)
    }
}

fn derived(secret: &Prk, label: &[&[u8]]) -> Option<LessSafeKey> {
    let derived = secret.expand(label, &AES_256_GCM_SIV).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(derived)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::DataKey;
    use ciba_core::domain::base::secret::Secret;

    const REQUEST: RequestKey = RequestKey::from_bytes([5; 16]);

    /// HYG-5-03: without the person's key nothing can be opened, and a new key does not change that.
    #[test]
    fn a_personal_key_opens_for_its_person_only() {
        let data_key = DataKey::new(&[7; 32]).unwrap();
        let keys = data_key.personal();
        let (alice, bob) = (PersonKey::new("i", "alice"), PersonKey::new("i", "bob"));
        let wrapped = keys.wrap(&alice, &[1; 32]).unwrap();
        let text = SaltedText::new([2; SaltedText::SALT], Secret::new("personal"));
        let key = keys.unwrap(&alice, &wrapped).unwrap();
        let sealed = key.seal(&REQUEST, "decision", &text).unwrap();
        let opened = key.open(&REQUEST, "decision", &sealed).unwrap();
        assert_eq!((opened.expose(), opened.salt()), ("personal", text.salt()));

        assert!(keys.unwrap(&bob, &wrapped).is_none(), "another person");
        assert!(DataKey::new(&[8; 32]).unwrap().personal().unwrap(&alice, &wrapped).is_none());
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert!(keys.unwrap(&alice, &changed).is_none(), "byte {at}");
        }
        let anew = keys.unwrap(&alice, &keys.wrap(&alice, &[3; 32]).unwrap()).unwrap();
        assert!(anew.open(&REQUEST, "decision", &sealed).is_none(), "erased");
    }

    /// CIBA-7.1.1-19, HYG-5-03
    #[test]
    fn what_is_sealed_for_one_document_opens_for_no_other() {
        let key = PersonalKey::of(&[1; 32]);
        let text = SaltedText::new([2; SaltedText::SALT], Secret::new("personal"));
        let sealed = key.seal(&REQUEST, "decision", &text).unwrap();
        assert!(key.open(&RequestKey::from_bytes([6; 16]), "decision", &sealed).is_none(), "request");
        assert!(key.open(&REQUEST, "report", &sealed).is_none(), "kind");
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert!(key.open(&REQUEST, "decision", &changed).is_none(), "byte {at}");
        }
        for text in ["", "AAAA", "not base64url!"] {
            assert!(key.open(&REQUEST, "decision", text).is_none(), "{text}");
        }
    }
}
