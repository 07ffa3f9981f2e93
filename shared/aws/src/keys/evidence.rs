//! Opens the signed requests in evidence of version 1, which is still read. Current evidence is sealed under the
//! person's own key (`keys/personal.rs`).
//!
//! ```text
//! key    = HKDF-SHA-256(first data key, "signed request" ‖ RequestKey)
//! sealed = base64url( AES-256-GCM-SIV(salt ‖ JWT) )
//! ```
//!
//! Each request has its own key, which seals one message. The number of requests is therefore unlimited, and a
//! text sealed for one request cannot be opened for another.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::Prk;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::request::evidence::SaltedText;

/// The nonce can be constant because each key seals only one message.
const NONCE: [u8; 12] = [0; 12];
const LABEL: &[u8] = b"signed request";

/// The secret from which the keys of all signed requests are derived. It comes from the first data key and is never
/// rotated, because evidence is kept for years.
pub(super) struct EvidenceKey(Prk);

impl EvidenceKey {
    pub(super) fn new(secret: Prk) -> Self {
        Self(secret)
    }

    /// Makes version 1, which is no longer written outside tests.
    #[cfg(test)]
    pub(super) fn seal(&self, request: &RequestKey, raw: &SaltedText) -> Option<String> {
        let mut body = raw.to_bytes();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        self.of(request)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).ok()?;
        Some(URL_SAFE_NO_PAD.encode(body))
    }

    /// `None` if it was not sealed for this request.
    pub(super) fn open(&self, request: &RequestKey, sealed: &str) -> Option<SaltedText> {
        let mut body = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let nonce = Nonce::assume_unique_for_key(NONCE);
        SaltedText::from_bytes(self.of(request)?.open_in_place(nonce, Aad::empty(), &mut body).ok()?)
    }

    fn of(&self, request: &RequestKey) -> Option<LessSafeKey> {
        let label = [LABEL, request.as_bytes()];
        let derived = self.0.expand(&label, &AES_256_GCM_SIV).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::DataKey;
    use ciba_core::domain::base::secret::Secret;

    const REQUEST: RequestKey = RequestKey::from_bytes([5; 16]);

    /// CIBA-7.1.1-19
    #[test]
    fn what_is_sealed_for_one_request_opens_for_no_other() {
        let key = DataKey::new(&[7; 32]).unwrap();
        let key = key.evidence();
        let raw = SaltedText::new([1; SaltedText::SALT], Secret::new("a.b.c"));
        let sealed = key.seal(&REQUEST, &raw).unwrap();
        let again = DataKey::new(&[7; 32]).unwrap().evidence().open(&REQUEST, &sealed).unwrap();
        assert_eq!((again.expose(), again.salt()), ("a.b.c", raw.salt()));
        assert!(key.open(&RequestKey::from_bytes([6; 16]), &sealed).is_none(), "another request");
        assert!(
            DataKey::new(&[8; 32]).unwrap().evidence().open(&REQUEST, &sealed).is_none(),
            "another data key"
        );
        let other = key.seal(&RequestKey::from_bytes([6; 16]), &raw).unwrap();
        assert!(sealed.as_bytes().iter().zip(other.as_bytes()).any(|(one, other)| one != other));
    }

    /// CIBA-7.1.1-19
    #[test]
    fn a_changed_byte_of_what_is_sealed_opens_nothing() {
        let key = DataKey::new(&[7; 32]).unwrap();
        let key = key.evidence();
        let raw = SaltedText::new([1; SaltedText::SALT], Secret::new("a.b.c"));
        let sealed = URL_SAFE_NO_PAD.decode(key.seal(&REQUEST, &raw).unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(&REQUEST, &URL_SAFE_NO_PAD.encode(changed)).is_none(), "byte {at}");
        }
        for text in ["", "AAAA", "not base64url!"] {
            assert!(key.open(&REQUEST, text).is_none(), "{text}");
        }
    }
}
