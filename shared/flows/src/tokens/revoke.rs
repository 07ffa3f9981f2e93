//! Revocation (RFC 7009): a client gives up a grant by presenting any of its tokens.

use crate::Invocation;
use crate::tokens::check_token::{open_access_token, open_refresh_token};
use ciba_aws::config::Issuer;
use ciba_aws::keys::{KeyError, KeyRings};
use ciba_aws::store::{Revoked, StoreError, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::ClientId;

/// Whether the grant is revoked is unknown: the client has to retry.
#[derive(Debug, thiserror::Error)]
pub enum NotRevoked {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Revokes the grant that `token` belongs to, and with it every token of the grant (RFC 7009 §2.1). Returns the
/// grant, if it was one of `client`'s.
///
/// Even an expired access token identifies its grant here: a client that gives it up wants the whole grant to end.
pub async fn revoke(
    table: &Table,
    keys: &KeyRings,
    issuer: &Issuer,
    client: &ClientId,
    token: &str,
    invocation: &Invocation,
) -> Result<Option<RequestKey>, NotRevoked> {
    let now = invocation.now;
    let grant = if token.contains('.') {
        open_access_token(keys, issuer, token, now).await?.map(|opened| opened.grant)
    } else {
        open_refresh_token(keys, token, now).await?.map(|(grant, _)| grant)
    };
    let Some(grant) = grant else { return Ok(None) };
    let revoked = table.revoke_grant(&grant, client, now, &invocation.write_id).await?;
    Ok((revoked == Revoked::Done).then_some(grant))
}
