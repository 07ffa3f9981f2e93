//! Client authentication (CIBA §7.2 step 1, RFC 6749 §2.3): the credential is known, is it right?

use crate::domain::client::{Client, ClientId};
use crate::domain::client_authentication::PresentedCredential;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;
use crate::store::{ClientDirectory, StoreError};

/// Why a client is not authenticated. The client is told the same in each case; the reasons are for the log.
#[derive(Debug)]
pub enum NotAuthenticated {
    Unknown,
    Disabled,
    WrongCredential,
    Store(StoreError),
}

/// 1. Find the client, in the warm cache if it is there.
/// 2. Check that it is active and that method and credential are right.
/// 3. If not, and the record was a cached one, read it afresh and check once more: its secret may be new.
pub async fn authenticate(
    clients: &ClientDirectory,
    id: &ClientId,
    credential: &PresentedCredential,
    now: Timestamp,
) -> Result<Client, NotAuthenticated> {
    let was_cached = clients.knows(id, now);
    let known = clients.find(id, now).await.map_err(NotAuthenticated::Store)?;
    match check(known, credential) {
        Err(_) if was_cached => {
            check(clients.find_fresh(id, now).await.map_err(NotAuthenticated::Store)?, credential)
        }
        checked => checked,
    }
}

/// Takes the same time for an unknown client as for a wrong secret (`CAUTH-1-05`).
fn check(client: Option<Client>, credential: &PresentedCredential) -> Result<Client, NotAuthenticated> {
    let Some(client) = client else {
        let (PresentedCredential::ClientSecretBasic(secret) | PresentedCredential::ClientSecretPost(secret)) =
            credential;
        let _ = SecretHash::OF_NOTHING.matches(secret);
        return Err(NotAuthenticated::Unknown);
    };
    match (client.authentication.accepts(credential), client.active) {
        (true, true) => Ok(client),
        (true, false) => Err(NotAuthenticated::Disabled),
        (false, _) => Err(NotAuthenticated::WrongCredential),
    }
}
