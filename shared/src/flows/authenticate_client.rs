//! Client authentication (CIBA §7.2 step 1, RFC 6749 §2.3): the credential is known, is it right?

use crate::domain::client::{Client, ClientId};
use crate::domain::client_authentication::{ClientAuthentication, PresentedCredential};
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::outbound::{ClientKeySets, NotVerified};
use crate::store::{ClientDirectory, StoreError};

/// Why a client is not authenticated. The client is told the same in each case; the reasons are for the log.
#[derive(Debug)]
pub enum NotAuthenticated {
    Unknown,
    Disabled,
    WrongCredential,
    /// The client's keys cannot be read.
    Unavailable(String),
    Store(StoreError),
}

/// 1. Find the client, in the warm cache if it is there.
/// 2. Check that it is active and that method and credential are right.
/// 3. If not, and the record was a cached one, read it afresh and check once more: its secret may be new.
pub async fn authenticate(
    clients: &ClientDirectory,
    keys: &ClientKeySets,
    id: &ClientId,
    credential: &PresentedCredential,
    now: Timestamp,
) -> Result<Client, NotAuthenticated> {
    let was_cached = clients.knows(id, now);
    let known = clients.find(id, now).await.map_err(NotAuthenticated::Store)?;
    match check(known, keys, credential, now).await {
        Err(_) if was_cached => {
            let fresh = clients.find_fresh(id, now).await.map_err(NotAuthenticated::Store)?;
            check(fresh, keys, credential, now).await
        }
        checked => checked,
    }
}

/// Takes the same time for an unknown client as for a wrong secret (`CAUTH-1-05`).
async fn check(
    client: Option<Client>,
    keys: &ClientKeySets,
    credential: &PresentedCredential,
    now: Timestamp,
) -> Result<Client, NotAuthenticated> {
    let Some(client) = client else {
        match credential {
            PresentedCredential::ClientSecretBasic(secret)
            | PresentedCredential::ClientSecretPost(secret) => {
                let _ = SecretHash::OF_NOTHING.matches(secret);
            }
            PresentedCredential::Certificate(_) => {}
        }
        return Err(NotAuthenticated::Unknown);
    };
    let is_right = match (&client.authentication, credential) {
        // A certificate that the client itself registered, byte for byte; nobody else vouches for it (`CAUTH-4-05`).
        (ClientAuthentication::SelfSignedTlsClientAuth, PresentedCredential::Certificate(certificate)) => {
            let registered = match &client.keys {
                Some(at) => keys.certificates(at, now).await,
                None => Ok(Vec::new()),
            };
            let registered = registered.map_err(|error| match error {
                NotVerified::Invalid(_) => NotAuthenticated::WrongCredential,
                NotVerified::Unavailable(why) => NotAuthenticated::Unavailable(why),
            })?;
            registered.iter().any(|der| der == certificate.der())
        }
        (registered, presented) => registered.accepts(presented),
    };
    match (is_right, client.active) {
        (true, true) => Ok(client),
        (true, false) => Err(NotAuthenticated::Disabled),
        (false, _) => Err(NotAuthenticated::WrongCredential),
    }
}
