//! Introspection (RFC 7662): the client of a token, or the resource server it is for, asks whether it is active.

use std::time::Duration;

use crate::tokens::check_token::{LiveGrant, live_grant, open_access_token, open_refresh_token};
use ciba_aws::config::Issuer;
use ciba_aws::keys::{KeyError, KeyRings};
use ciba_aws::store::Table;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::Client;
use ciba_core::domain::request::refresh_finding::{RefreshFinding, refresh as judge};
use ciba_core::domain::token::access_token::AccessToken;
use ciba_core::protocol::error::Refusal;
use ciba_core::protocol::token_management::{
    ActiveAccessToken, ActiveToken, Introspection, TokenManagementError as Error,
};

/// The dependencies of this flow.
pub struct Introspect<'a> {
    pub table: &'a Table,
    pub keys: &'a KeyRings,
    pub issuer: &'a Issuer,
}

impl Introspect<'_> {
    /// The answer to `caller` about `token`. A token that is invalid, expired, revoked, unknown or not the
    /// caller's is not active, and the response contains nothing more (RFC 7662 §2.2).
    pub async fn introspect(
        &self,
        token: &str,
        caller: &Client,
        now: Timestamp,
    ) -> Result<Introspection, Refusal<Error>> {
        let active = if token.contains('.') {
            self.access_token(token, caller, now).await?
        } else {
            self.refresh_token(token, caller, now).await?
        };
        Ok(active.map_or(Introspection::INACTIVE, |active| Introspection::Active(Box::new(active))))
    }

    async fn access_token(
        &self,
        text: &str,
        caller: &Client,
        now: Timestamp,
    ) -> Result<Option<ActiveToken>, Refusal<Error>> {
        let Some(opened) = open_access_token(self.keys, self.issuer, text, now).await? else {
            return Ok(None);
        };
        let token = opened.token;
        if token.has_expired(now) || !may_see(caller, &token) {
            return Ok(None);
        }
        let Some(live) = live_grant(self.table, &opened.grant, &token.client, now).await? else {
            return Ok(None);
        };
        // A key that was withdrawn in the meantime no longer vouches for the token.
        if self.keys.learn(&live.withdrawn, now).await?
            && open_access_token(self.keys, self.issuer, text, now).await?.is_none()
        {
            return Ok(None);
        }
        let details = live.grant.details.for_audience(&heard(caller, &token));
        let access = ActiveAccessToken {
            token_type: token.confirmation.token_type(),
            aud: token.audience,
            jti: token.jti,
            cnf: token.confirmation,
        };
        let scope = token.scope.encode();
        let (issued_at, expires_at) = (token.issued_at, token.expires_at);
        let active = self.active(&live, scope, (issued_at, expires_at), Some(access), now).await?;
        Ok(Some(ActiveToken { authorization_details: details, ..active }))
    }

    /// A refresh token is revealed only to its own client.
    async fn refresh_token(
        &self,
        text: &str,
        caller: &Client,
        now: Timestamp,
    ) -> Result<Option<ActiveToken>, Refusal<Error>> {
        let Some((grant, counter)) = open_refresh_token(self.keys, text, now).await? else { return Ok(None) };
        let Some(live) = live_grant(self.table, &grant, &caller.id, now).await? else { return Ok(None) };
        if self.keys.learn(&live.withdrawn, now).await?
            && open_refresh_token(self.keys, text, now).await?.is_none()
        {
            return Ok(None);
        }
        // A token that was just replaced can still be exchanged for its successor, but is no longer active
        // itself.
        match judge(Some(&live.request), &caller.id, counter, now, Duration::ZERO) {
            RefreshFinding::Current(grant, refreshing) => {
                let scope = grant.approval.scope.encode();
                let expires_at = refreshing.idle_until.min(refreshing.ends_at);
                Ok(Some(self.active(&live, scope, (refreshing.rotated_at, expires_at), None, now).await?))
            }
            RefreshFinding::NotYours
            | RefreshFinding::JustReplaced(..)
            | RefreshFinding::Revoked
            | RefreshFinding::Expired
            | RefreshFinding::Reused => Ok(None),
        }
    }

    async fn active(
        &self,
        live: &LiveGrant,
        scope: String,
        (issued_at, expires_at): (Timestamp, Timestamp),
        access: Option<ActiveAccessToken>,
        now: Timestamp,
    ) -> Result<ActiveToken, KeyError> {
        // The `sub` under which the token's own client knows the person, regardless of the client that asks
        // (RFC 7662 §2.2).
        let sub = self.keys.get(now).await?.subject(&live.client.subject_type, &live.person)?;
        let authentication = &live.grant.approval.authentication;
        Ok(ActiveToken {
            active: true,
            iss: self.issuer.as_str().to_owned(),
            client_id: live.client.id.as_str().to_owned(),
            sub,
            scope,
            iat: issued_at.seconds(),
            exp: expires_at.seconds(),
            auth_time: authentication.auth_time.seconds(),
            acr: authentication.acr.clone(),
            amr: authentication.amr.clone(),
            authorization_details: live.grant.details.clone(),
            access,
        })
    }
}

/// The part of a token's audience that the caller may see: all of it for the token's own client, otherwise the
/// audiences for which the caller is the resource server.
fn heard<'t>(caller: &Client, token: &'t AccessToken) -> Vec<&'t str> {
    let is_heard = |audience: &&String| token.client == caller.id || caller.introspects.contains(audience);
    token.audience.iter().filter(is_heard).map(String::as_str).collect()
}

/// A client may see its own tokens, and those for an audience whose resource server it is (RFC 7662 §2.2, §4).
fn may_see(caller: &Client, token: &AccessToken) -> bool {
    token.client == caller.id || token.audience.iter().any(|audience| caller.introspects.contains(audience))
}
