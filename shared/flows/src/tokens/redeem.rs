//! Redeeming an approved request: everything that can fail comes first, then one conditional write, then the reply.

use crate::tokens::issue_tokens::{Granted, IssueTokens, NotIssued, target};
use ciba_aws::keys::HandleUse;
use ciba_aws::store::{Redeemed, StoreError, Table};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, PollFinding, poll as find};
use ciba_core::domain::request::grant::Grant;
use ciba_core::protocol::token::TokenResponse;

/// What this flow works with.
pub struct Redeem<'a> {
    pub table: &'a Table,
    pub issuing: IssueTokens<'a>,
}

/// What the client presents.
pub struct PresentedHandle<'a> {
    pub auth_req_id: &'a AuthReqId,
    pub resources: &'a [ResourceId],
    /// What it has shown that it has.
    pub confirmation: Confirmation,
}

/// Why no tokens are issued. The approval stands, except where somebody else redeemed it.
#[derive(Debug, thiserror::Error)]
pub enum NotRedeemed {
    /// Another poll was first, or the request ended.
    #[error("gone")]
    Gone,
    #[error("expired")]
    Expired,
    /// The person is not active any more.
    #[error("person inactive")]
    PersonInactive,
    /// The person has shut this client out.
    #[error("blocked")]
    Blocked,
    /// The client is disabled, or lost this grant.
    #[error("client inactive")]
    ClientInactive,
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Redeem<'_> {
    /// 1. Make what the tokens are made of, and the tokens.
    /// 2. Redeem the request: of any number of parallel polls, one wins (`ATK-4-04`).
    pub async fn redeem(
        &self,
        request: &AuthenticationRequest,
        presented: &PresentedHandle<'_>,
    ) -> Result<TokenResponse, NotRedeemed> {
        let (grant, tokens) = self.prepare(request, presented).await?;
        let IssueTokens { invocation, .. } = self.issuing;
        match self.table.redeem_request(request, &grant, &invocation.write_id).await? {
            Redeemed::Won => Ok(tokens),
            Redeemed::Lost(item) => Err(match find(item.as_deref(), &request.client, invocation.now) {
                PollFinding::Expired => NotRedeemed::Expired,
                PollFinding::NotYours
                | PollFinding::AlreadyRedeemed
                | PollFinding::Refused
                | PollFinding::Approved(_)
                | PollFinding::TooSoon
                | PollFinding::Pending => NotRedeemed::Gone,
            }),
        }
    }

    /// The tokens of an approved request, and the grant they belong to; nothing is written, so they count only once the
    /// request is redeemed.
    ///
    /// 1. Read person and client as they are now (`ATK-8-04`), and whether the one has blocked the other (`ATK-1-10`).
    /// 2. Open the handle again if keys were withdrawn since: a withdrawn one opens and signs nothing (`TOK-12-03`).
    /// 3. Make the tokens of what was approved (`ATK-8-05`).
    pub async fn prepare(
        &self,
        request: &AuthenticationRequest,
        presented: &PresentedHandle<'_>,
    ) -> Result<(Grant, TokenResponse), NotRedeemed> {
        let IssueTokens { issuer, settings, invocation, .. } = self.issuing;
        let (person, client, asks, withdrawn, detail) = self.table.find_for_redemption(request).await?;
        let person = person.filter(|person| person.active).ok_or(NotRedeemed::PersonInactive)?;
        let client =
            client.filter(|client| client.active && client.may_ask()).ok_or(NotRedeemed::ClientInactive)?;

        let now = invocation.now;
        let may_refresh = client.may_refresh.then_some(&settings.refresh);
        let tokens_end_at = now.plus(settings.access_token_lifetime);
        let grant =
            request.redeem(&request.client, now, tokens_end_at, may_refresh).ok_or(NotRedeemed::Gone)?;
        let grant = grant.with_details(detail.details);
        if asks.revokes(&request.client, grant.approval.at) {
            return Err(NotRedeemed::Blocked);
        }
        let keys = self.issuing.keys.knowing(&withdrawn, now).await.map_err(NotIssued::from)?;
        let opened = keys.open_handle(HandleUse::AuthReqId, presented.auth_req_id.as_str());
        if opened != Ok(request.key) {
            return Err(NotRedeemed::Gone);
        }
        let granted = Granted {
            key: &request.key,
            client: &client,
            sub: &keys.subject(&client.subject_type, &person).map_err(NotIssued::from)?,
            approval: &grant.approval,
            details: &grant.details,
            scope: &grant.approval.scope,
            asked: &request.scope,
            target: target(&client, &request.resources, presented.resources, issuer)?,
            auth_req_id: Some(presented.auth_req_id),
            refresh_token: grant.refresh.map(|refresh| refresh.counter),
            confirmation: presented.confirmation,
        };
        let tokens = self.issuing.issue(&keys, &granted).await?;
        Ok((grant, tokens))
    }
}
