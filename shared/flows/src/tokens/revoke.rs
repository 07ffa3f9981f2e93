//! Revocation (RFC 7009): a client gives up a grant by presenting any of its tokens.

use crate::Invocation;
use crate::tokens::check_token::{open_access_token, open_refresh_token};
use ciba_aws::config::Issuer;
use ciba_aws::keys::KeyRings;
use ciba_aws::store::{Revoked, Table};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::ClientId;
use ciba_core::protocol::error::Refusal;
use ciba_core::protocol::token_management::TokenManagementError as Error;

/// Revokes the grant that `token` belongs to, and with it every token of the grant (RFC 7009 §2.1). Returns the
/// grant, if it was one of `client`'s.
///
/// After an error it is unknown whether the grant is revoked, so the client has to retry.
///
/// Even an expired access token identifies its grant here, because a client that gives it up wants the whole
/// grant to end.
pub async fn revoke(
    table: &Table,
    keys: &KeyRings,
    issuer: &Issuer,
    client: &ClientId,
    token: &str,
    invocation: &Invocation,
) -> Result<Option<RequestKey>, Refusal<Error>> {
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
