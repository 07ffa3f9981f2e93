//! Tokens of this provider that come back: whose they are, and whether they still count.

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

/// An access token whose signature is ours, and the name of its grant. It may have expired, and its grant may be revoked.
pub struct OpenedAccessToken {
    pub token: AccessToken,
    pub grant: RequestKey,
}

/// Opens an access token. `None` for everything else, ID tokens included (`TOK-2-08`).
///
/// 1. Three parts, typed as an access token.
/// 2. Signed by a key of ours.
/// 3. Issued under this name, and its `jti` opens.
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

/// The grant and the number of a refresh token. `None` if we did not make it.
pub async fn open_refresh_token(
    keys: &KeyRings,
    text: &str,
    now: Timestamp,
) -> Result<Option<(RequestKey, u32)>, KeyError> {
    Ok(keys.open(|ring| ring.open_refresh_token(text), now).await?.ok())
}

/// A grant under which tokens count now.
pub struct LiveGrant {
    pub request: AuthenticationRequest,
    pub grant: Grant,
    pub person: Person,
    pub client: Client,
    /// What [`KeyRings::learn`] is to be told: the token may have been opened by a key that is withdrawn.
    pub withdrawn: WithdrawnKeys,
}

/// The grant of `client` called `key`, if it was not revoked and has not ended, person and client are active, and the
/// person has not blocked the client (`ATK-1-10`).
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
