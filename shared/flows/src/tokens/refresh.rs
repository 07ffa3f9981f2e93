//! Refreshes tokens (RFC 6749 §6, RFC 9700 §4.14): everything that can fail comes first, then one conditional
//! write.

use crate::tokens::issue_tokens::{Granted, IssueTokens, NotIssued, target};
use ciba_aws::store::{RefreshUse, Refreshed, StoreError, Table};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::request::refresh_finding::{RefreshFinding, refresh as find};
use ciba_core::protocol::token::TokenResponse;

/// How many times a refresh is attempted when others change the grant at the same time.
const TRIES: usize = 3;

/// The dependencies of this flow.
pub struct Refresh<'a> {
    pub table: &'a Table,
    pub issuing: IssueTokens<'a>,
}

/// What the client presents: the refresh token, its contents, and the part of the grant that the client wants.
pub struct PresentedRefreshToken<'a> {
    pub token: &'a str,
    pub grant: RequestKey,
    /// The counter of the refresh token.
    pub counter: u32,
    pub scope: Option<&'a Scope>,
    pub resources: &'a [ResourceId],
    /// The key and certificate that it proves to have now: the binding of the previous access token does not
    /// matter (RFC 9449 §5).
    pub confirmation: Confirmation,
}

/// Why no tokens are issued.
#[derive(Debug, thiserror::Error)]
pub enum NotRefreshed {
    /// No grant of this client has this token now. The text is for the log.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token had already been replaced, so two parties hold it: the grant is now revoked.
    #[error("a replaced refresh token was used again")]
    Reused,
    /// The client is disabled, or may no longer use this grant type.
    #[error("the client is not active or may not use this grant type")]
    ClientInactive,
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refresh<'_> {
    /// 1. Read the grant, and let its rules classify the token.
    /// 2. Read person and client again, and whether the person has blocked the client.
    /// 3. Open the token again if keys were withdrawn in the meantime: a withdrawn key opens and signs nothing.
    /// 4. Make the tokens: the same scope or less (RFC 6749 §6), the same person and authentication (OIDC Core
    ///    §12.2).
    /// 5. Record the use: of parallel uses one succeeds, and the others return its result within a short grace
    ///    period.
    pub async fn refresh(
        &self,
        client: &ClientId,
        presented: &PresentedRefreshToken<'_>,
    ) -> Result<TokenResponse, NotRefreshed> {
        let IssueTokens { settings, invocation, .. } = self.issuing;
        let (now, write) = (invocation.now, &invocation.write_id);
        let mut seen = self.table.find_request(&presented.grant).await?.map(Box::new);
        for _ in 0..TRIES {
            let found = find(seen.as_deref(), client, presented.counter, now, settings.refresh.grace);
            let (grant, refreshing, is_repeat) = match found {
                RefreshFinding::Current(grant, refreshing) => (grant, refreshing, false),
                RefreshFinding::JustReplaced(grant, refreshing) => (grant, refreshing, true),
                RefreshFinding::NotYours => {
                    return Err(NotRefreshed::Invalid("the client has no such grant"));
                }
                RefreshFinding::Revoked => return Err(NotRefreshed::Invalid("the grant is revoked")),
                RefreshFinding::Expired => {
                    return Err(NotRefreshed::Invalid("the refresh token has expired"));
                }
                RefreshFinding::Reused => {
                    self.table.revoke_grant(&presented.grant, client, now, write).await?;
                    return Err(NotRefreshed::Reused);
                }
            };
            let Some(request) = &seen else { return Err(NotRefreshed::Invalid("the grant does not exist")) };
            let (person, client, asks, withdrawn) =
                self.table.find_person_client_and_asks(&request.person, client).await?;
            let person = person
                .filter(|person| person.active)
                .ok_or(NotRefreshed::Invalid("the person is no longer active"))?;
            let client = client
                .filter(|client| client.active && client.may_refresh)
                .ok_or(NotRefreshed::ClientInactive)?;
            if asks.revokes(&client.id, grant.approval.at) {
                return Err(NotRefreshed::Invalid("the person has blocked the client"));
            }

            let keys = self.issuing.keys.knowing(&withdrawn, now).await.map_err(NotIssued::from)?;
            let opened = keys.open_refresh_token(presented.token);
            if opened != Ok((presented.grant, presented.counter)) {
                return Err(NotRefreshed::Invalid("the key of the refresh token is withdrawn"));
            }
            let next = if is_repeat {
                refreshing
            } else {
                refreshing.used(now, client.rotates_refresh_tokens, &settings.refresh)
            };
            let sub = keys.subject(&client.subject_type, &person).map_err(NotIssued::from)?;
            let scope = narrowed(presented.scope, &grant.approval.scope)?;
            let granted = Granted {
                key: &presented.grant,
                client: &client,
                sub: &sub,
                approval: &grant.approval,
                details: &grant.details,
                scope,
                asked: scope,
                target: target(&client, &request.resources, presented.resources, self.issuing.issuer)?,
                auth_req_id: None,
                refresh_token: Some(next.counter),
                confirmation: presented.confirmation,
            };
            let tokens = self.issuing.issue(&keys, &granted).await?;
            if is_repeat {
                return Ok(tokens);
            }
            let seen_now = RefreshUse { client: &client.id, seen: refreshing.counter, next: &next, at: now };
            match self.table.refresh_grant(&presented.grant, seen_now, write).await? {
                Refreshed::Done => return Ok(tokens),
                Refreshed::Changed(item) => seen = item,
            }
        }
        Err(NotRefreshed::Store(StoreError::Unavailable("the grant changed during every attempt".to_owned())))
    }
}

/// The part of the granted scope that the client wants (RFC 6749 §6).
fn narrowed<'s>(wanted: Option<&'s Scope>, granted: &'s Scope) -> Result<&'s Scope, NotIssued> {
    let scope = wanted.unwrap_or(granted);
    match scope.first_beyond(granted) {
        None => Ok(scope),
        Some(value) => Err(NotIssued::ScopeBeyondGrant(value.to_owned())),
    }
}
