//! This provider's client secrets at login issuers: in the settings they are encrypted, and KMS decrypts them when
//! they are first used.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Mutex;

use crate::keys::{Kms, KmsError};
use ciba_core::domain::base::secret::Secret;

/// The secrets that a warm function has decrypted, by issuer.
pub struct ClientSecrets {
    kms: Kms,
    known: Mutex<HashMap<String, Arc<Secret>>>,
}

impl ClientSecrets {
    pub fn new(kms: Kms) -> Self {
        Self { kms, known: Mutex::default() }
    }

    /// The secret at `issuer` that is encrypted as `sealed`. A failed call is repeated at the next use.
    pub async fn of(&self, issuer: &str, sealed: &str) -> Result<Arc<Secret>, KmsError> {
        let mut known = self.known.lock().await;
        if let Some(secret) = known.get(issuer) {
            return Ok(Arc::clone(secret));
        }
        let sealed = STANDARD.decode(sealed);
        let sealed = sealed.map_err(|_| KmsError("the client secret is not base64".to_owned()))?;
        let secret = Arc::new(self.kms.decrypt_client_secret(issuer, &sealed).await?);
        known.insert(issuer.to_owned(), Arc::clone(&secret));
        Ok(secret)
    }
}
