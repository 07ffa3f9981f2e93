//! AWS KMS: generates and decrypts the data key, and holds and uses the signing keys that never leave it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::operation::re_encrypt::ReEncryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{
    DataKeyPairSpec, DataKeySpec, KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec, Tag,
};

use crate::aws::{self, Aws};
use crate::config::SigningKeys;
use crate::keys::der;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::issuer::login_assertion;
use ciba_core::protocol::jwks::{PublicJwk, PublicKey};

/// The longest message that KMS signs without hashing it first. Unit: bytes.
pub(super) const MAX_MESSAGE: usize = 4096;

/// Binds an encrypted data key to its purpose: KMS decrypts it for no other purpose.
const PURPOSE: (&str, &str) = ("purpose", "ciba-keys");
/// The purposes of a page key, of a login key, and of a client secret at a login issuer. The functions' permissions
/// depend on them.
const PAGES: &str = "ciba-pages";
const LOGIN_KEYS: &str = "ciba-login-keys";
const LOGIN: &str = "ciba-login";
/// Binds a client secret to the login issuer it is for.
const ISSUER: &str = "issuer";
/// Binds it to its table as well: a data key copied from another deployment's table cannot be decrypted.
const TABLE: &str = "table";
/// Timeouts for one attempt, and for a call including its retries.
const ATTEMPT: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);
/// The same for a signature. One response may need two signatures, in addition to calls to the table.
const SIGN_ATTEMPT: Duration = Duration::from_secs(1);
const SIGN_CALL: Duration = Duration::from_secs(2);
/// The timeout for creating a key in KMS, which is not retried.
const CREATE: Duration = Duration::from_secs(5);

/// A call to KMS failed. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct KmsError(pub String);

#[derive(Clone, Debug)]
pub struct Kms {
    client: Client,
    /// The name of the table that stores the data key.
    table: String,
}

impl Kms {
    pub fn connect(aws: &Aws) -> Self {
        let mut config =
            aws_sdk_kms::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.kms_endpoint.clone());
        let table = aws.table.clone().unwrap_or_default();
        Self { client: Client::from_conf(config.build()), table }
    }

    /// A new data key, in plaintext and encrypted.
    pub async fn generate_data_key(&self, kms_key: &str) -> Result<(Vec<u8>, Vec<u8>), KmsError> {
        let answer = self
            .client
            .generate_data_key()
            .key_id(kms_key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .encryption_context(TABLE, &self.table)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("GenerateDataKey", &error)))?;
        match (answer.plaintext, answer.ciphertext_blob) {
            (Some(plain), Some(sealed)) => Ok((plain.into_inner(), sealed.into_inner())),
            _ => Err(KmsError("GenerateDataKey returned no key".to_owned())),
        }
    }

    /// Decrypts a data key that was encrypted for this table, and no other. One that names no table would open here
    /// whichever table it was made for; [`Kms::bind`] encrypts it for this table.
    pub fn decrypt(&self, sealed: &[u8]) -> impl Future<Output = Result<Vec<u8>, KmsError>> {
        // No future of its own: the compiler limits how deeply they may be nested.
        self.decrypt_for([PURPOSE, (TABLE, &self.table)], sealed)
    }

    /// Encrypts a data key for this table that was encrypted before the encryption context named the table. `None`
    /// if it is not one of those. The key does not leave KMS.
    pub async fn bind(&self, kms_key: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, KmsError> {
        let answer = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(sealed))
            .source_encryption_context(PURPOSE.0, PURPOSE.1)
            .destination_key_id(kms_key)
            .destination_encryption_context(PURPOSE.0, PURPOSE.1)
            .destination_encryption_context(TABLE, &self.table)
            .send()
            .await;
        match answer {
            Ok(answer) => match answer.ciphertext_blob {
                Some(bound) => Ok(Some(bound.into_inner())),
                None => Err(KmsError("ReEncrypt returned no key".to_owned())),
            },
            Err(error)
                if error.as_service_error().is_some_and(ReEncryptError::is_invalid_ciphertext_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(KmsError(aws::failure("ReEncrypt", &error))),
        }
    }

    /// A new page key, encrypted. Nobody sees it until a function that serves pages decrypts it.
    pub async fn generate_page_key(&self, kms_key: &str) -> Result<Vec<u8>, KmsError> {
        let answer = self
            .client
            .generate_data_key_without_plaintext()
            .key_id(kms_key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(PURPOSE.0, PAGES)
            .encryption_context(TABLE, &self.table)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("GenerateDataKeyWithoutPlaintext", &error)))?;
        let sealed = answer.ciphertext_blob.map(Blob::into_inner);
        sealed.ok_or_else(|| KmsError("GenerateDataKeyWithoutPlaintext returned no key".to_owned()))
    }

    /// Decrypts a page key that [`Kms::generate_page_key`] encrypted for this table.
    pub async fn decrypt_page_key(&self, sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.decrypt_for([(PURPOSE.0, PAGES), (TABLE, &self.table)], sealed).await
    }

    /// A new login key: its encrypted private half, which nobody sees until the function for logins decrypts it, and its
    /// public half.
    pub async fn generate_login_key(&self, kms_key: &str) -> Result<(Vec<u8>, PublicJwk), KmsError> {
        let answer = self
            .client
            .generate_data_key_pair_without_plaintext()
            .key_id(kms_key)
            // For `login_assertion::ALGORITHM`.
            .key_pair_spec(DataKeyPairSpec::EccNistP256)
            .encryption_context(PURPOSE.0, LOGIN_KEYS)
            .encryption_context(TABLE, &self.table)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("GenerateDataKeyPairWithoutPlaintext", &error)))?;
        let sealed = answer.private_key_ciphertext_blob.map(Blob::into_inner);
        let public = answer.public_key.and_then(|der| der::public_key(der.as_ref()));
        match (sealed, public) {
            (Some(sealed), Some(public @ PublicKey::Ec { .. })) => {
                Ok((sealed, PublicJwk::new(login_assertion::ALGORITHM, public)))
            }
            _ => Err(KmsError("GenerateDataKeyPairWithoutPlaintext returned no key for ES256".to_owned())),
        }
    }

    /// Decrypts the private half of a login key, which is in PKCS#8.
    pub async fn decrypt_login_key(&self, sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.decrypt_for([(PURPOSE.0, LOGIN_KEYS), (TABLE, &self.table)], sealed).await
    }

    /// Decrypts this provider's client secret at a login issuer, which an operator encrypted for that issuer alone.
    pub async fn decrypt_client_secret(&self, issuer: &str, sealed: &[u8]) -> Result<Secret, KmsError> {
        let plain = self.decrypt_for([(PURPOSE.0, LOGIN), (ISSUER, issuer)], sealed).await?;
        let text = String::from_utf8(plain);
        text.map(Secret::new).map_err(|_| KmsError("the client secret is not text".to_owned()))
    }

    async fn decrypt_for(&self, context: [(&str, &str); 2], sealed: &[u8]) -> Result<Vec<u8>, KmsError> {
        let [one, two] = context;
        let answer = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(sealed))
            .encryption_context(one.0, one.1)
            .encryption_context(two.0, two.1)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("Decrypt", &error)))?;
        answer.plaintext.map(Blob::into_inner).ok_or_else(|| KmsError("Decrypt returned no key".to_owned()))
    }

    /// Creates a signing key that never leaves KMS, with this value of the tag [`SigningKeys::TAG`], and returns
    /// its id.
    pub async fn create_signing_key(&self, algorithm: JwsAlgorithm, tag: &str) -> Result<String, KmsError> {
        let spec = match algorithm {
            JwsAlgorithm::ES256 => KeySpec::EccNistP256,
            JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => KeySpec::Rsa2048,
            JwsAlgorithm::EdDSA => KeySpec::EccNistEdwards25519,
        };
        let tag = Tag::builder().tag_key(SigningKeys::TAG).tag_value(tag).build();
        let tag = tag.map_err(|_| KmsError("CreateKey: the tag is incomplete".to_owned()))?;
        let answer = self
            .client
            .create_key()
            .key_spec(spec)
            .key_usage(KeyUsageType::SignVerify)
            .description(format!("Signs tokens by {}", algorithm.as_str()))
            .tags(tag)
            // A retry after a lost response would create a second key, unknown to the provider but billed.
            .customize()
            .config_override(
                aws_sdk_kms::config::Builder::new()
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(aws::timeouts(CREATE, CREATE)),
            )
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("CreateKey", &error)))?;
        let key_id = answer.key_metadata.map(|key| key.key_id);
        key_id.ok_or_else(|| KmsError("CreateKey returned no key".to_owned()))
    }

    /// The public half of a signing key, if the key is for `algorithm`.
    pub async fn public_key(&self, key_id: &str, algorithm: JwsAlgorithm) -> Result<PublicJwk, KmsError> {
        let answer = self
            .client
            .get_public_key()
            .key_id(key_id)
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("GetPublicKey", &error)))?;
        let key = answer.public_key.as_ref().and_then(|der| der::public_key(der.as_ref()));
        let fits = |key: &PublicKey| match algorithm {
            JwsAlgorithm::ES256 => matches!(key, PublicKey::Ec { .. }),
            JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => matches!(key, PublicKey::Rsa { .. }),
            JwsAlgorithm::EdDSA => matches!(key, PublicKey::Okp { .. }),
        };
        key.filter(fits)
            .map(|key| PublicJwk::new(algorithm, key))
            .ok_or_else(|| KmsError("GetPublicKey returned no key for the algorithm".to_owned()))
    }

    /// Signs `message` in the form that a JWS needs (RFC 7518 §3, RFC 8037 §3.1).
    ///
    /// If the algorithm hashes the message first, only the hash is sent. Ed25519 signs the message itself, and
    /// KMS accepts at most [`MAX_MESSAGE`] bytes of it.
    pub async fn sign(
        &self,
        key_id: &str,
        algorithm: JwsAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let hash = || digest(&SHA256, message).as_ref().to_vec();
        let (name, kind, message) = match algorithm {
            JwsAlgorithm::ES256 => (SigningAlgorithmSpec::EcdsaSha256, MessageType::Digest, hash()),
            JwsAlgorithm::RS256 => (SigningAlgorithmSpec::RsassaPkcs1V15Sha256, MessageType::Digest, hash()),
            JwsAlgorithm::PS256 => (SigningAlgorithmSpec::RsassaPssSha256, MessageType::Digest, hash()),
            JwsAlgorithm::EdDSA => (SigningAlgorithmSpec::Ed25519Sha512, MessageType::Raw, message.to_vec()),
        };
        let answer = self
            .client
            .sign()
            .key_id(key_id)
            .signing_algorithm(name)
            .message_type(kind)
            .message(Blob::new(message))
            .customize()
            .config_override(
                aws_sdk_kms::config::Builder::new().timeout_config(aws::timeouts(SIGN_ATTEMPT, SIGN_CALL)),
            )
            .send()
            .await
            .map_err(|error| KmsError(aws::failure("Sign", &error)))?;
        let signature = answer.signature.map(Blob::into_inner);
        let signature = signature.ok_or_else(|| KmsError("Sign returned no signature".to_owned()))?;
        match algorithm {
            JwsAlgorithm::ES256 => der::raw_signature(&signature)
                .map(Vec::from)
                .ok_or_else(|| KmsError("Sign returned a malformed signature".to_owned())),
            JwsAlgorithm::RS256 | JwsAlgorithm::PS256 | JwsAlgorithm::EdDSA => Ok(signature),
        }
    }
}
