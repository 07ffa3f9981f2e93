//! The public keys and certificates of clients.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;

use crate::domain::client_keys::ClientKeys;
use crate::domain::time::Timestamp;
use crate::outbound::NotVerified;

/// The key sets of clients, as one warm function knows them.
#[derive(Default)]
pub struct ClientKeySets;

impl ClientKeySets {
    /// The certificates among the keys, in DER: the first `x5c` of each (RFC 8705 §2.2.2).
    pub async fn certificates(&self, keys: &ClientKeys, _: Timestamp) -> Result<Vec<Vec<u8>>, NotVerified> {
        match keys {
            ClientKeys::Inline(text) => {
                let set: JwkSet =
                    serde_json::from_str(text).map_err(|_| NotVerified::Invalid("jwks is malformed"))?;
                let first = set.keys.iter().filter_map(|key| key.common.x509_chain.as_ref()?.first());
                Ok(first.filter_map(|text| STANDARD.decode(text).ok()).collect())
            }
            ClientKeys::Uri(_) => Err(NotVerified::Unavailable("jwks_uri is not fetched yet".to_owned())),
        }
    }
}
