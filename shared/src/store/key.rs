//! Keys (`keys` / `key#<use>#<generation>`): sealed, written once, never changed.

use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::domain::key_schedule::{KeyTimes, Scheduled};
use crate::protocol::jwks::PublicJwk;
use crate::store::item::{Item, Reader, bytes, key, number, text, time};
use crate::store::{StoreError, Table, WriteId};

const PK: &str = "keys";

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Seals the other keys; itself encrypted by KMS.
    Data,
    /// Seals `RequestKey`s into handles.
    Handle,
    /// Signs tokens by this algorithm: one key, one algorithm (`TOK-12-02`).
    Signing(JwsAlgorithm),
}

impl KeyUse {
    /// In the order in which they are made: the first rests on nothing, and the others on it.
    pub const ALL: [Self; 6] = [
        Self::Data,
        Self::Handle,
        Self::Signing(JwsAlgorithm::ES256),
        Self::Signing(JwsAlgorithm::RS256),
        Self::Signing(JwsAlgorithm::PS256),
        Self::Signing(JwsAlgorithm::EdDSA),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Handle => "handle",
            Self::Signing(JwsAlgorithm::ES256) => "signing-ES256",
            Self::Signing(JwsAlgorithm::RS256) => "signing-RS256",
            Self::Signing(JwsAlgorithm::PS256) => "signing-PS256",
            Self::Signing(JwsAlgorithm::EdDSA) => "signing-EdDSA",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key_use| key_use.as_str() == text)
    }

    /// The algorithm of a signing key.
    pub const fn algorithm(self) -> Option<JwsAlgorithm> {
        match self {
            Self::Signing(algorithm) => Some(algorithm),
            Self::Data | Self::Handle => None,
        }
    }
}

/// A key as stored. Whoever reads the table cannot use it: that takes KMS.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub key_use: KeyUse,
    /// Counts from 1 per use. Two creators of one generation cannot both win.
    pub generation: u32,
    pub times: KeyTimes,
    /// The key, encrypted: a data key by KMS, others under a data key.
    pub sealed: Vec<u8>,
    /// The generation of the data key that sealed it; 0 for data keys.
    pub sealed_under: u32,
    /// The public half of a signing key.
    pub public: Option<PublicJwk>,
}

impl Scheduled for KeyRecord {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn times(&self) -> &KeyTimes {
        &self.times
    }
}

fn decode(item: &Item) -> Result<KeyRecord, StoreError> {
    let reader = Reader(item);
    let public = reader
        .optional_text("public_jwk")
        .map(|json| serde_json::from_str(json).map_err(|_| Reader::corrupt("public_jwk")));
    Ok(KeyRecord {
        key_use: reader.parsed("key_use", KeyUse::parse)?,
        generation: reader.unsigned("generation")?,
        times: KeyTimes {
            publish_from: reader.time("publish_from")?,
            sign_from: reader.time("sign_from")?,
            sign_until: reader.time("sign_until")?,
            verify_until: reader.time("verify_until")?,
        },
        // The readers of public keys do not get the sealed ones.
        sealed: reader.bytes("sealed").map(<[u8]>::to_vec).unwrap_or_default(),
        sealed_under: reader.unsigned("sealed_under")?,
        public: public.transpose()?,
    })
}

fn encode(record: &KeyRecord, write: &WriteId) -> Item {
    let mut item = key(PK, format!("key#{}#{:08}", record.key_use.as_str(), record.generation));
    item.extend([
        ("key_use".to_owned(), text(record.key_use.as_str())),
        ("generation".to_owned(), number(record.generation)),
        ("publish_from".to_owned(), time(record.times.publish_from)),
        ("sign_from".to_owned(), time(record.times.sign_from)),
        ("sign_until".to_owned(), time(record.times.sign_until)),
        ("verify_until".to_owned(), time(record.times.verify_until)),
        ("sealed".to_owned(), bytes(&record.sealed)),
        ("sealed_under".to_owned(), number(record.sealed_under)),
        ("write_id".to_owned(), text(write.as_str())),
    ]);
    let public = record.public.as_ref().and_then(|jwk| serde_json::to_string(jwk).ok());
    item.extend(public.map(|json| ("public_jwk".to_owned(), text(json))));
    item
}

/// Everything but `sealed`. The names need placeholders where DynamoDB reserves them; none is reserved here.
const PUBLIC_ATTRIBUTES: &str =
    "key_use, generation, publish_from, sign_from, sign_until, verify_until, sealed_under, public_jwk";

impl Table {
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.query_keys("key#", None).await
    }

    /// The signing keys of all algorithms without their private halves, sorted by algorithm and generation.
    pub async fn list_public_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.query_keys("key#signing-", Some(PUBLIC_ATTRIBUTES)).await
    }

    async fn query_keys(&self, prefix: &str, only: Option<&str>) -> Result<Vec<KeyRecord>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(PK))
            .expression_attribute_values(":prefix", text(prefix))
            .set_projection_expression(only.map(str::to_owned));
        let mut items = pages.into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = items.next().await {
            keys.push(decode(&item.map_err(|error| StoreError::unavailable("Query keys", &error))?)?);
        }
        Ok(keys)
    }

    /// Puts a key if its generation does not exist. `false` if another creator was first.
    pub async fn insert_key(&self, record: &KeyRecord, write: &WriteId) -> Result<bool, StoreError> {
        self.put_if_absent(encode(record, write), "write_id", "PutItem key").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_has_a_name_of_its_own_and_a_signing_keys_ends_with_its_algorithm() {
        for key_use in KeyUse::ALL {
            assert_eq!(KeyUse::parse(key_use.as_str()), Some(key_use));
            let name = key_use.algorithm().map(|algorithm| format!("signing-{}", algorithm.as_str()));
            assert_eq!(name.is_none(), matches!(key_use, KeyUse::Data | KeyUse::Handle));
            assert!(name.is_none_or(|name| name == key_use.as_str()), "{key_use:?}");
        }
        let signing: Vec<_> = KeyUse::ALL.into_iter().filter_map(KeyUse::algorithm).collect();
        assert_eq!(signing, JwsAlgorithm::ALL);
    }
}
