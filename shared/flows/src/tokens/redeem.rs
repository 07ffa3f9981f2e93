//! Redeems an approved request: everything that can fail comes first, then one conditional write, then the
//! response.

use crate::tokens::issue_tokens::{Granted, IssueTokens, NotIssued, target};
use ciba_aws::keys::HandleUse;
use ciba_aws::store::{Redeemed, StoreError, Table};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, PollFinding, poll as judge};
use ciba_core::domain::request::grant::Grant;
use ciba_core::protocol::token::TokenResponse;

/// The dependencies of this flow.
pub struct Redeem<'a> {
    pub table: &'a Table,
    pub issuing: IssueTokens<'a>,
}

/// The handle that a client presents, with the other data of its request.
pub struct PresentedHandle<'a> {
    /// The client that presents the handle.
    pub client: &'a ClientId,
    pub auth_req_id: &'a AuthReqId,
    pub resources: &'a [ResourceId],
    /// The key and certificate that the client proves to possess.
    pub confirmation: Confirmation,
}

/// Why no tokens are issued. The approval remains valid, unless another poll redeemed it.
#[derive(Debug, thiserror::Error)]
pub enum NotRedeemed {
    /// Another poll was first.
    #[error("the request was already redeemed")]
    Gone,
    /// The approval was taken back.
    #[error("the approval was taken back")]
    TakenBack,
    #[error("the request has expired")]
    Expired,
    /// The person is no longer active.
    #[error("the person is not active")]
    PersonInactive,
    /// The person has blocked this client.
    #[error("the person has blocked the client")]
    Blocked,
    /// The client is disabled, or may no longer use this grant type.
    #[error("the client is not active or may not use this grant type")]
    ClientInactive,
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Redeem<'_> {
    /// 1. Gather the data for the tokens, and create them.
    /// 2. Redeem the request: of several parallel polls, only one succeeds.
    pub async fn redeem(
        &self,
        request: &AuthenticationRequest,
        presented: &PresentedHandle<'_>,
    ) -> Result<TokenResponse, NotRedeemed> {
        let (grant, tokens) = self.prepare(request, presented).await?;
        let IssueTokens { invocation, .. } = self.issuing;
        match self.table.redeem_request(request, &grant, &invocation.write_id).await? {
            Redeemed::Won => Ok(tokens),
            Redeemed::Lost(item) => Err(match judge(item.as_deref(), &request.client, invocation.now) {
                PollFinding::Expired => NotRedeemed::Expired,
                PollFinding::Refused => NotRedeemed::TakenBack,
                PollFinding::NotYours
                | PollFinding::AlreadyRedeemed
                | PollFinding::Approved(_)
                | PollFinding::TooSoon
                | PollFinding::Pending => NotRedeemed::Gone,
            }),
        }
    }

    /// The tokens of an approved request, and the grant they belong to; nothing is written, so they are valid only
    /// once the request is redeemed.
    ///
    /// Only the client that made the request may redeem it; the conditional write checks this again.
    ///
    /// 1. Read person and client again, and whether the person has blocked the client, because this may have
    ///    changed since the approval.
    /// 2. Open the handle again if keys were withdrawn in the meantime: a withdrawn key opens and signs nothing.
    /// 3. Create the tokens for exactly the approved scope and details.
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
            request.redeem(presented.client, now, tokens_end_at, may_refresh).ok_or(NotRedeemed::Gone)?;
        let grant = grant.with_detail(detail);
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
