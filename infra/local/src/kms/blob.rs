//! The ciphertext: key id ‖ nonce ‖ sealed bytes ‖ tag, with the encryption context as additional data.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::Value;

use super::KEY_ID;
use crate::id;

/// An encryption context; its order does not matter.
pub(super) type Context = BTreeMap<String, String>;

/// The key under which a double seals. A double with the same key can open what another one sealed.
#[derive(Clone)]
pub struct WrappingKey(Arc<LessSafeKey>);

impl WrappingKey {
    pub fn generate() -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &id::random_bytes::<32>()).expect("32 bytes are a key");
        Self(Arc::new(LessSafeKey::new(key)))
    }

    /// What KMS's `Encrypt` does.
    pub fn encrypt(&self, plaintext: &[u8], context: &[(&str, &str)]) -> Vec<u8> {
        self.seal(plaintext, &of_pairs(context))
    }

    /// What KMS's `ReEncrypt` does: the same plaintext under another encryption context. `None` if it does not
    /// open under `from`.
    pub fn reencrypt(&self, blob: &[u8], from: &[(&str, &str)], to: &[(&str, &str)]) -> Option<Vec<u8>> {
        Some(self.seal(&self.open(blob, &of_pairs(from))?, &of_pairs(to)))
    }

    pub(super) fn seal(&self, plaintext: &[u8], context: &Context) -> Vec<u8> {
        // A random nonce is safe here: one key seals a handful of data keys.
        let nonce = id::random_bytes::<NONCE_LEN>();
        let mut sealed = plaintext.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                additional_data(context),
                &mut sealed,
            )
            .expect("a data key is far from the longest message");
        [KEY_ID.as_bytes(), &nonce, &sealed].concat()
    }

    pub(super) fn open(&self, blob: &[u8], context: &Context) -> Option<Vec<u8>> {
        let (nonce, sealed) = blob.strip_prefix(KEY_ID.as_bytes())?.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plaintext = self.0.open_in_place(nonce, additional_data(context), &mut sealed).ok()?;
        Some(plaintext.to_vec())
    }
}

impl std::fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrappingKey")
    }
}

fn of_pairs(pairs: &[(&str, &str)]) -> Context {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The `EncryptionContext` of a call.
pub(super) fn context(input: &Value) -> Context {
    context_in(input, "EncryptionContext")
}

/// The encryption context in one member of a call.
pub(super) fn context_in(input: &Value, member: &str) -> Context {
    let entries = input[member].as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Each text is preceded by its length, so that different contexts are never encoded alike.
fn additional_data(context: &Context) -> Aad<Vec<u8>> {
    let texts = context.iter().flat_map(|(name, value)| [name, value]);
    let prefixed = texts.flat_map(|text| {
        let length = (text.len() as u64).to_be_bytes();
        length.into_iter().chain(text.bytes()).collect::<Vec<u8>>()
    });
    Aad::from(prefixed.collect())
}
