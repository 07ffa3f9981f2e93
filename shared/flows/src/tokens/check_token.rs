//! Checks tokens that this provider issued: which grant they belong to, and whether they are still valid.

use ciba_aws::config::Issuer;
use ciba_aws::keys::{KeyError, KeyRings};
use ciba_aws::store::{StoreError, Table, WithdrawnKeys};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::domain::person::Person;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::grant::Grant;
use ciba_core::domain::token::access_token::AccessToken;
use ciba_core::protocol::access_token::TYP;
use ciba_core::verify::jws::UnverifiedJws;

/// An access token with a valid signature of this provider, and the key of its grant. The token may have expired,
/// and its grant may be revoked.
pub struct OpenedAccessToken {
    pub token: AccessToken,
    pub grant: RequestKey,
}

/// Opens an access token. `None` for anything else, including ID tokens: the type is checked (RFC 9068 §4).
///
/// 1. It has three parts, and the type of an access token.
/// 2. It is signed with a key of this provider.
/// 3. It has this issuer, and its `jti` can be opened.
pub async fn open_access_token(
    keys: &KeyRings,
    issuer: &Issuer,
    text: &str,
    now: Timestamp,
) -> Result<Option<OpenedAccessToken>, KeyError> {
    let Ok(jws) = UnverifiedJws::parse(text) else { return Ok(None) };
    if jws.typ().as_deref() != Some(TYP) {
        return Ok(None);
    }
    let Ok(claims) = keys.verify(&jws, now).await? else { return Ok(None) };
    let Some(token) = AccessToken::read(&claims, issuer.as_str()) else { return Ok(None) };
    let opened = keys.open(|ring| ring.open_jti(&token.jti), now).await?;
    Ok(opened.ok().map(|grant| OpenedAccessToken { token, grant }))
}

/// The grant and the counter of a refresh token. `None` if this provider did not issue it.
pub async fn open_refresh_token(
    keys: &KeyRings,
    text: &str,
    now: Timestamp,
) -> Result<Option<(RequestKey, u32)>, KeyError> {
    Ok(keys.open(|ring| ring.open_refresh_token(text), now).await?.ok())
}

/// A grant whose tokens are currently valid.
pub struct LiveGrant {
    pub request: AuthenticationRequest,
    pub grant: Grant,
    pub person: Person,
    pub client: Client,
    /// For [`KeyRings::learn`]: the token may have been opened with a key that has been withdrawn.
    pub withdrawn: WithdrawnKeys,
}

/// The grant of `client` with the key `key`, if it is not revoked and has not ended, person and client are
/// active, and the person has not blocked the client. A block also revokes the tokens that the client received
/// before.
pub async fn live_grant(
    table: &Table,
    key: &RequestKey,
    client: &ClientId,
    now: Timestamp,
) -> Result<Option<LiveGrant>, StoreError> {
    let Some(request) = table.find_request(key).await?.filter(|request| request.client == *client) else {
        return Ok(None);
    };
    let Some(grant) = request.grant().filter(|grant| grant.is_live(now)).cloned() else { return Ok(None) };
    let (person, client, asks, withdrawn) =
        table.find_person_client_and_asks(&request.person, client).await?;
    if asks.revokes(&request.client, grant.approval.at) {
        return Ok(None);
    }
    let active = person.filter(|person| person.active).zip(client.filter(|client| client.active));
    Ok(active.map(|(person, client)| LiveGrant { request, grant, person, client, withdrawn }))
}
