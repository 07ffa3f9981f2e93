//! Creates the tokens for an approved request or a refreshed grant. Nothing is written here.

use crate::Invocation;
use ciba_aws::config::{Issuer, TokenSettings};
use ciba_aws::keys::{KeyError, KeyRing, KeyRings};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::base::time::{Timestamp, seconds_rounded_up};
use ciba_core::domain::client::Client;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::client::target::Target;
use ciba_core::domain::details::authorization_details::AuthorizationDetails;
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::decision::Approval;
use ciba_core::protocol::access_token::{self, AccessTokenClaims, Audience};
use ciba_core::protocol::id_token::{self, IdTokenClaims};
use ciba_core::protocol::token::TokenResponse;

/// The dependencies of this flow.
pub struct IssueTokens<'a> {
    pub keys: &'a KeyRings,
    pub issuer: &'a Issuer,
    pub settings: &'a TokenSettings,
    pub invocation: &'a Invocation,
}

/// Why no tokens are issued.
#[derive(Debug, thiserror::Error)]
pub enum NotIssued {
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// `resource` was not granted, or the client is no longer registered for it. The text is for the client.
    #[error("{0}")]
    Target(&'static str),
    /// Nothing in the scope applies to the token. The text is for the client.
    #[error("{0}")]
    Scope(&'static str),
    /// The scope has this value, which was not granted.
    #[error("{0}")]
    ScopeBeyondGrant(String),
    /// The client's tokens must be bound, and this one would not be.
    #[error("the access token would not be bound to a key or certificate")]
    Unbound,
}

/// The grant that the tokens belong to, with the current client and person.
pub struct Granted<'a> {
    pub key: &'a RequestKey,
    pub client: &'a Client,
    pub sub: &'a str,
    pub approval: &'a Approval,
    pub details: &'a AuthorizationDetails,
    /// The granted scope, or the part of it that is requested now.
    pub scope: &'a Scope,
    /// The scope with which the scope of the response is compared.
    pub asked: &'a Scope,
    pub target: Target<'a>,
    /// The handle that was presented; the ID token repeats it.
    pub auth_req_id: Option<&'a AuthReqId>,
    /// The counter of the accompanying refresh token.
    pub refresh_token: Option<u32>,
    /// The certificate and key that the access token is bound to. The refresh token is bound only to the client,
    /// which has to authenticate to use it (RFC 9449 §5, RFC 8705 §4).
    pub confirmation: Confirmation,
}

/// The audience of the tokens: `granted` in the authentication request, `named` in the token request.
pub fn target<'c>(
    client: &'c Client,
    granted: &[ResourceId],
    named: &[ResourceId],
    issuer: &'c Issuer,
) -> Result<Target<'c>, NotIssued> {
    let target = client.narrowed_target(granted, named, issuer.as_str());
    target.ok_or(NotIssued::Target("the resource was not granted, or is no longer registered"))
}

impl IssueTokens<'_> {
    /// 1. Create the access token, bound to the certificate and key that the client has proven, for its audience
    ///    and with the scope that applies there.
    /// 2. Create the refresh token.
    /// 3. Create the ID token, which states when and how the person was authenticated, on their own device, and
    ///    with which tokens it was issued.
    ///
    /// `keys` must reflect the current withdrawals ([`KeyRings::knowing`]).
    pub async fn issue(&self, keys: &KeyRing, granted: &Granted<'_>) -> Result<TokenResponse, NotIssued> {
        if !granted.confirmation.satisfies(granted.client.sender_constraint) {
            return Err(NotIssued::Unbound);
        }
        let (access_token, scope) = self.access_token(keys, granted).await?;
        let now = self.invocation.now;
        let refresh_token =
            granted.refresh_token.map(|counter| keys.seal_refresh_token(granted.key, counter, now));
        let refresh_token = refresh_token.transpose()?;
        let id_token = if granted.scope.contains(Scope::OPENID) {
            Some(self.id_token(keys, granted, &access_token, refresh_token.as_deref()).await?)
        } else {
            None
        };
        let details = granted.details.for_audience(&granted.target.audience());
        Ok(TokenResponse {
            authorization_details: (!granted.details.is_empty()).then_some(details),
            access_token,
            token_type: granted.confirmation.token_type(),
            expires_in: seconds_rounded_up(self.settings.access_token_lifetime),
            id_token,
            refresh_token,
            scope: (!scope.same_as(granted.asked)).then(|| scope.encode()),
        })
    }

    async fn access_token(
        &self,
        keys: &KeyRing,
        granted: &Granted<'_>,
    ) -> Result<(String, Scope), NotIssued> {
        let now = self.invocation.now;
        let algorithm = granted.target.algorithm().ok_or(NotIssued::Target(
            "the resources require different signature algorithms; name one of them in the token request",
        ))?;
        let scope = granted
            .target
            .narrow(granted.scope, granted.client)
            .ok_or(NotIssued::Scope("scope has no value that belongs to the resource"))?;
        let authentication = &granted.approval.authentication;
        let claims = AccessTokenClaims {
            iss: self.issuer.as_str(),
            sub: granted.sub,
            aud: Audience(granted.target.audience()),
            client_id: granted.client.id.as_str(),
            iat: now.seconds(),
            exp: Timestamp::seconds(now.plus(self.settings.access_token_lifetime)),
            jti: &keys.seal_jti(granted.key, self.invocation.random(), now)?,
            scope: &scope.encode(),
            auth_time: authentication.auth_time.seconds(),
            acr: authentication.acr.as_deref(),
            amr: &authentication.amr,
            cnf: granted.confirmation,
            authorization_details: granted.details.for_audience(&granted.target.audience()),
        };
        let signed = keys.signing_key(algorithm, now)?.sign(access_token::TYP, &claims).await?;
        Ok((signed, scope))
    }

    async fn id_token(
        &self,
        keys: &KeyRing,
        granted: &Granted<'_>,
        access_token: &str,
        refresh_token: Option<&str>,
    ) -> Result<String, NotIssued> {
        let now = self.invocation.now;
        let algorithm = granted.client.id_token_algorithm;
        let authentication = &granted.approval.authentication;
        let claims = IdTokenClaims {
            iss: self.issuer.as_str(),
            sub: granted.sub,
            aud: granted.client.id.as_str(),
            iat: now.seconds(),
            exp: Timestamp::seconds(now.plus(self.settings.id_token_lifetime)),
            auth_time: authentication.auth_time.seconds(),
            acr: authentication.acr.as_deref(),
            amr: &authentication.amr,
            at_hash: id_token::token_hash(algorithm, access_token),
            auth_req_id: granted.auth_req_id,
            // The response to a refresh does not answer an authentication request, so it has no `rt_hash`.
            rt_hash: granted
                .auth_req_id
                .and(refresh_token)
                .map(|token| id_token::token_hash(algorithm, token)),
        };
        Ok(keys.signing_key(algorithm, now)?.sign(id_token::TYP, &claims).await?)
    }
}
