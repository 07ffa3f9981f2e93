//! Signing keys. As in KMS, the private half never leaves: no call returns it.

use std::collections::BTreeMap;

use aws_lc_rs::{
    digest::{Digest, SHA256},
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use serde_json::{Value, json};

use super::{arn, key_metadata, wire, wire::Refusal};
use crate::id;

/// The longest message that KMS accepts without hashing. Unit: bytes.
const LONGEST_MESSAGE: usize = 4096;

#[derive(Debug)]
pub(super) struct SigningKey {
    id: String,
    /// Set for a key that exists from the start.
    alias: Option<&'static str>,
    spec: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A new key pair that leaves: the private half in PKCS#8, and the public half in DER. `None` only if it cannot be created.
pub(super) fn p256_pair() -> Option<(Vec<u8>, Vec<u8>)> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some((pair.to_pkcs8v1().ok()?.as_ref().to_vec(), public.as_ref().to_vec()))
}

/// The tags of a call.
pub(super) fn tags(input: &Value) -> BTreeMap<String, String> {
    let tags = input["Tags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag["TagKey"].as_str()?, tag["TagValue"].as_str()?)));
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl SigningKey {
    /// For `CreateKey`. Encryption keys cannot be created here.
    pub(super) fn create(input: &Value) -> Result<Self, Refusal> {
        if input["KeyUsage"] != "SIGN_VERIFY" {
            return Err(Refusal::validation("This double only creates keys that sign"));
        }
        let spec = input["KeySpec"].as_str().unwrap_or("SYMMETRIC_DEFAULT");
        let pair = match spec {
            "ECC_NIST_P256" => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok().map(Pair::P256),
            "RSA_2048" => RsaKeyPair::generate(KeySize::Rsa2048).ok().map(Pair::Rsa),
            "ECC_NIST_EDWARDS25519" => Ed25519KeyPair::generate().ok().map(Pair::Ed25519),
            _ => return Err(Refusal::validation("This double does not support the KeySpec")),
        };
        let pair = pair.ok_or_else(Refusal::internal)?;
        Ok(Self { id: id::uuid(), alias: None, spec: spec.to_owned(), pair })
    }

    /// A key for ES256 that also has this alias. `None` only if it cannot be created.
    pub(super) fn called(alias: &'static str) -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok()?;
        Some(Self {
            id: id::uuid(),
            alias: Some(alias),
            spec: "ECC_NIST_P256".to_owned(),
            pair: Pair::P256(pair),
        })
    }

    pub(super) fn is_from_the_start(&self) -> bool {
        self.alias.is_some()
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self) -> String {
        arn(&format!("key/{}", self.id))
    }

    /// A key is identified by its id, its alias, or the ARN of either.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let alias = self.alias.is_some_and(|alias| name == alias || name == arn(alias));
        alias || name == self.id || name == self.arn()
    }

    pub(super) fn metadata(&self) -> Value {
        key_metadata(&self.id, "SIGN_VERIFY", &self.spec)
    }

    pub(super) fn public_key(&self) -> Result<Value, Refusal> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            Pair::P256(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        let der = der.map_err(|_| Refusal::internal())?;
        Ok(json!({
            "KeyId": self.arn(),
            "PublicKey": wire::encode(der.as_ref()),
            "KeySpec": self.spec,
            "KeyUsage": "SIGN_VERIFY",
        }))
    }

    pub(super) fn sign(&self, input: &Value) -> Result<Value, Refusal> {
        let algorithm = input["SigningAlgorithm"].as_str().unwrap_or_default();
        let message = wire::bytes(input, "Message")?;
        if message.len() > LONGEST_MESSAGE {
            return Err(Refusal::validation("Message is longer than 4096 bytes"));
        }
        let is_digest = input["MessageType"] == "DIGEST";
        let signature = match (&self.pair, algorithm) {
            (Pair::P256(pair), "ECDSA_SHA_256") => {
                let signed = if is_digest {
                    pair.sign_digest(&digest(&message)?)
                } else {
                    pair.sign(&SystemRandom::new(), &message)
                };
                signed.map(|signature| signature.as_ref().to_vec())
            }
            (Pair::Rsa(pair), "RSASSA_PKCS1_V1_5_SHA_256") => {
                sign_rsa(pair, &RSA_PKCS1_SHA256, &message, is_digest)?
            }
            (Pair::Rsa(pair), "RSASSA_PSS_SHA_256") => sign_rsa(pair, &RSA_PSS_SHA256, &message, is_digest)?,
            (Pair::Ed25519(pair), "ED25519_SHA_512") => {
                if is_digest {
                    return Err(Refusal::validation("ED25519_SHA_512 requires MessageType RAW"));
                } else {
                    pair.try_sign(&message).map(|signature| signature.as_ref().to_vec())
                }
            }
            _ => {
                let message = "The key is not for this signing algorithm";
                return Err(Refusal::new("InvalidKeyUsageException", message));
            }
        };
        let signature = signature.map_err(|_| Refusal::internal())?;
        Ok(json!({
            "KeyId": self.arn(),
            "Signature": wire::encode(&signature),
            "SigningAlgorithm": algorithm,
        }))
    }
}

type Signature = Result<Vec<u8>, aws_lc_rs::error::Unspecified>;

fn sign_rsa(
    pair: &RsaKeyPair,
    encoding: &'static dyn RsaEncoding,
    message: &[u8],
    is_digest: bool,
) -> Result<Signature, Refusal> {
    let mut signature = vec![0; pair.public_modulus_len()];
    let signed = if is_digest {
        pair.sign_digest(encoding, &digest(message)?, &mut signature)
    } else {
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
    };
    Ok(signed.map(|()| signature))
}

fn digest(bytes: &[u8]) -> Result<Digest, Refusal> {
    Digest::import_less_safe(bytes, &SHA256)
        .map_err(|_| Refusal::validation("Digest is of a wrong length for the algorithm"))
}
