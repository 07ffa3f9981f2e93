//! Refreshes tokens (RFC 6749 §6, RFC 9700 §4.14): everything that can fail comes first, then one conditional
//! write.

use crate::failure::CLIENT_CHANGED;
use crate::resolve_person::ResolvePerson;
use crate::tokens::issue_tokens::{Granted, IssueTokens, NotIssued, target};
use ciba_aws::store::{RefreshUse, Refreshed, Table};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::person::resolved::is_outdated;
use ciba_core::domain::request::refresh_finding::{RefreshFinding, refresh as judge};
use ciba_core::protocol::error::Refusal;
use ciba_core::protocol::token::{TokenError as Error, TokenResponse};

/// How many times a refresh is attempted when others change the grant at the same time.
const TRIES: usize = 3;

/// The dependencies of this flow.
pub struct Refresh<'a> {
    pub table: &'a Table,
    /// `None` if the directory knows everybody.
    pub resolver: Option<&'a ResolvePerson>,
    pub issuing: IssueTokens<'a>,
}

/// The refresh token that a client presents, its contents, and the part of the grant that the client wants.
pub struct PresentedRefreshToken<'a> {
    pub token: &'a str,
    pub grant: RequestKey,
    /// The counter of the refresh token.
    pub counter: u32,
    pub scope: Option<&'a Scope>,
    pub resources: &'a [ResourceId],
    /// The key and certificate that the client proves to possess now. The binding of the previous access token
    /// does not matter (RFC 9449 §5).
    pub confirmation: Confirmation,
}

/// The error if the client has no valid grant with this token. The text is for the log.
fn invalid(detail: &'static str) -> Refusal<Error> {
    Refusal::because(Error::InvalidGrant, detail)
}

impl Refresh<'_> {
    /// 1. Read the grant, and let its rules classify the token.
    /// 2. Read person and client again, and whether the person has blocked the client. A person whom the resolver
    ///    described has to be active there as well.
    /// 3. Open the token again if keys were withdrawn in the meantime: a withdrawn key opens and signs nothing.
    /// 4. Create the tokens, with the same scope or less (RFC 6749 §6), and the same person and authentication
    ///    (OIDC Core §12.2).
    /// 5. Record the use: of parallel uses only one succeeds, and within a short grace period the others return
    ///    the same result.
    pub async fn refresh(
        &self,
        client: &ClientId,
        presented: &PresentedRefreshToken<'_>,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let IssueTokens { settings, invocation, .. } = self.issuing;
        let (now, write) = (invocation.now, &invocation.write_id);
        let mut seen = self.table.find_request(&presented.grant).await?.map(Box::new);
        let mut is_confirmed = false;
        for _ in 0..TRIES {
            let found = judge(seen.as_deref(), client, presented.counter, now, settings.refresh.grace);
            let (grant, refreshing, is_repeat) = match found {
                RefreshFinding::Current(grant, refreshing) => (grant, refreshing, false),
                RefreshFinding::JustReplaced(grant, refreshing) => (grant, refreshing, true),
                RefreshFinding::NotYours => {
                    return Err(invalid("the client has no such grant"));
                }
                RefreshFinding::Revoked => return Err(invalid("the grant is revoked")),
                RefreshFinding::Expired => {
                    return Err(invalid("the refresh token has expired"));
                }
                RefreshFinding::Reused => {
                    self.table.revoke_grant(&presented.grant, client, now, write).await?;
                    return Err(invalid("a replaced refresh token was used: the grant is revoked"));
                }
            };
            let Some(request) = &seen else { return Err(invalid("the grant does not exist")) };
            let (person, client, asks, withdrawn) =
                self.table.find_person_client_and_asks(&request.person, client).await?;
            let person = person
                .filter(|person| person.active)
                .ok_or_else(|| invalid("the person is no longer active"))?;
            let client = client
                .filter(|client| client.active && client.may_refresh)
                .ok_or_else(|| Refusal::because(Error::UnauthorizedClient, CLIENT_CHANGED))?;
            if asks.revokes(&client.id, grant.approval.at) {
                return Err(invalid("the person has blocked the client"));
            }
            let scope = narrowed(presented.scope, &grant.approval.scope)?;
            let target = target(&client, &request.resources, presented.resources, self.issuing.issuer)?;
            let must_ask = !is_confirmed && is_outdated(request.lifetime.created_at, now);
            if let Some(resolver) = self.resolver.filter(|_| must_ask) {
                if !resolver.is_active(&client, &person, invocation).await? {
                    return Err(invalid("the resolver says that the person is not active"));
                }
                is_confirmed = true;
            }

            let keys = self.issuing.keys.knowing(&withdrawn, now).await?;
            let opened = keys.open_refresh_token(presented.token);
            if opened != Ok((presented.grant, presented.counter)) {
                return Err(invalid("the key of the refresh token is withdrawn"));
            }
            let next = if is_repeat {
                refreshing
            } else {
                refreshing.used(now, client.rotates_refresh_tokens, &settings.refresh)
            };
            let sub = keys.subject(&client.subject_type, &person)?;
            let granted = Granted {
                key: &presented.grant,
                client: &client,
                sub: &sub,
                approval: &grant.approval,
                details: &grant.details,
                scope,
                asked: scope,
                target,
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
        Err(Refusal::unavailable("the grant changed during every attempt"))
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
