//! Witnesses: keys of KMS that sign what is written to the table, so that whoever writes the table without them is found out.
//!
//! Each key has one purpose and one public half. A function that may sign by one asks KMS at each document; whoever only
//! verifies asks KMS for the public half once per sandbox.

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

    /// What the key says of `document`.
    pub async fn of(&self, document: &str) -> Result<String, KmsError> {
        let input = self.purpose.signing_input(document);
        let signature = self.kms.sign(&self.key_id, Purpose::ALGORITHM, input.as_bytes()).await?;
        Ok(self.purpose.witness(&signature))
    }
}

/// The public half of a witness, as KMS tells it: nobody who writes the table can change it.
pub struct WitnessReader {
    kms: Kms,
    key_id: String,
    key: OnceCell<WitnessKey>,
}

impl WitnessReader {
    pub fn new(kms: &Kms, key_id: &str) -> Self {
        Self { kms: kms.clone(), key_id: key_id.to_owned(), key: OnceCell::new() }
    }

    /// Asked once; a failure is asked again.
    pub async fn key(&self) -> Result<&WitnessKey, KmsError> {
        self.key.get_or_try_init(|| self.read()).await
    }

    /// As JSON, for whoever keeps it elsewhere.
    pub async fn jwk(&self) -> Result<PublicJwk, KmsError> {
        self.kms.public_key(&self.key_id, Purpose::ALGORITHM).await
    }

    async fn read(&self) -> Result<WitnessKey, KmsError> {
        let jwk = self.jwk().await?;
        WitnessKey::of(&jwk).ok_or_else(|| KmsError("the key of the witness is not one for ES256".to_owned()))
    }
}
