//! Witness keys: KMS keys that sign documents in the table, so that documents written without them are detected.
//!
//! Each key has one purpose. A function that signs calls KMS for each document; a function that only verifies
//! gets the public half from KMS once per sandbox.

use tokio::sync::OnceCell;

use crate::keys::{Kms, KmsError};
use ciba_core::protocol::jwks::PublicJwk;
use ciba_core::verify::witness::{Purpose, WitnessKey};

/// A key that signs documents of one purpose.
pub struct Witness {
    kms: Kms,
    key_id: String,
    purpose: Purpose,
}

impl Witness {
    pub fn new(kms: &Kms, key_id: &str, purpose: Purpose) -> Self {
        Self { kms: kms.clone(), key_id: key_id.to_owned(), purpose }
    }

    /// The key's signature of `document`.
    pub async fn of(&self, document: &str) -> Result<String, KmsError> {
        let input = self.purpose.signing_input(document);
        let signature = self.kms.sign(&self.key_id, Purpose::ALGORITHM, input.as_bytes()).await?;
        Ok(self.purpose.witness(&signature))
    }
}

/// The public half of a witness key, read from KMS: write access to the table is not enough to change it.
pub struct WitnessReader {
    kms: Kms,
    key_id: String,
    key: OnceCell<WitnessKey>,
}

impl WitnessReader {
    pub fn new(kms: &Kms, key_id: &str) -> Self {
        Self { kms: kms.clone(), key_id: key_id.to_owned(), key: OnceCell::new() }
    }

    /// Cached after the first success; a failed call is retried at the next use.
    pub async fn key(&self) -> Result<&WitnessKey, KmsError> {
        self.key.get_or_try_init(|| self.read()).await
    }

    /// The public half as a JWK, so that it can be stored elsewhere. Calls KMS each time.
    pub async fn jwk(&self) -> Result<PublicJwk, KmsError> {
        self.kms.public_key(&self.key_id, Purpose::ALGORITHM).await
    }

    async fn read(&self) -> Result<WitnessKey, KmsError> {
        let jwk = self.jwk().await?;
        WitnessKey::of(&jwk).ok_or_else(|| KmsError("the witness key is not an ES256 key".to_owned()))
    }
}
