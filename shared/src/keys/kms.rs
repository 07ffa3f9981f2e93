//! AWS KMS: makes and opens the data key.

use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use crate::aws::{self, Aws};

/// Binds an encrypted data key to its purpose: KMS opens it for nothing else.
const CONTEXT: (&str, &str) = ("purpose", "ciba-keys");
/// Unit: time for one attempt, and for a call with its repeats.
const ATTEMPT: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);

/// KMS did not do as asked. The text is for the log.
#[derive(Clone, Debug)]
pub struct KmsError(pub String);

#[derive(Clone, Debug)]
pub struct Kms(Client);

impl Kms {
    pub fn connect(aws: &Aws) -> Self {
        let mut config =
            aws_sdk_kms::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.kms_endpoint.clone());
        Self(Client::from_conf(config.build()))
    }

    /// A new data key, in clear and encrypted.
    pub async fn generate_data_key(&self, kms_key: &str) -> Result<(Vec<u8>, Vec<u8>), KmsError> {
        let answer = self
            .0
            .generate_data_key()
            .key_id(kms_key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(CONTEXT.0, CONTEXT.1)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("GenerateDataKey", &error)))?;
        match (answer.plaintext, answer.ciphertext_blob) {
            (Some(plain), Some(sealed)) => Ok((plain.into_inner(), sealed.into_inner())),
            _ => Err(KmsError("GenerateDataKey answered without a key".to_owned())),
        }
    }

    pub async fn decrypt(&self, sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        let answer = self
            .0
            .decrypt()
            .ciphertext_blob(Blob::new(sealed))
            .encryption_context(CONTEXT.0, CONTEXT.1)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("Decrypt", &error)))?;
        answer
            .plaintext
            .map(Blob::into_inner)
            .ok_or_else(|| KmsError("Decrypt answered without a key".to_owned()))
    }
}
