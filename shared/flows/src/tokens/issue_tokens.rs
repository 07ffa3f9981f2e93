//! Making tokens: of what was approved, for what was granted. Nothing is written here.

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

/// What this flow works with.
pub struct IssueTokens<'a> {
    pub keys: &'a KeyRings,
    pub issuer: &'a Issuer,
    pub settings: &'a TokenSettings,
    pub invocation: &'a Invocation,
}

/// Why no tokens are made.
#[derive(Debug, thiserror::Error)]
pub enum NotIssued {
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// `resource` names what was not granted, or the client is not registered for any more. The text is for the client.
    #[error("{0}")]
    Target(&'static str),
    /// The scope has nothing that the token could say. The text is for the client.
    #[error("{0}")]
    Scope(&'static str),
    /// The scope has this value, which was not granted.
    #[error("{0}")]
    ScopeBeyondGrant(String),
    /// The client's tokens are always bound, and this one would not be.
    #[error("unbound")]
    Unbound,
}

/// The grant that the tokens belong to, with client and person as they are now.
pub struct Granted<'a> {
    pub key: &'a RequestKey,
    pub client: &'a Client,
    pub sub: &'a str,
    pub approval: &'a Approval,
    pub details: &'a AuthorizationDetails,
    /// What was granted, or the part of it that is wanted now.
    pub scope: &'a Scope,
    /// What the scope in the answer is compared with.
    pub asked: &'a Scope,
    pub target: Target<'a>,
    /// The handle that was presented; the ID token repeats it.
    pub auth_req_id: Option<&'a AuthReqId>,
    /// The number of the refresh token that goes along.
    pub refresh_token: Option<u32>,
    /// What the access token is bound to. The refresh token is bound to the client alone, which has to authenticate to
    /// use it (`TOK-3-12`, `TOK-5-05`).
    pub confirmation: Confirmation,
}

/// What the tokens are for: `granted` in the authentication request, `named` in the token request.
pub fn target<'c>(
    client: &'c Client,
    granted: &[ResourceId],
    named: &[ResourceId],
    issuer: &'c Issuer,
) -> Result<Target<'c>, NotIssued> {
    let target = client.narrowed_target(granted, named, issuer.as_str());
    target.ok_or(NotIssued::Target("resource names what was not granted, or is not registered any more"))
}

impl IssueTokens<'_> {
    /// 1. The access token, bound if the client's always are, for its audience and with the scope that means something there.
    /// 2. The refresh token.
    /// 3. The ID token, which says when and how the person was authenticated, on their own device, and which tokens came
    ///    with it.
    ///
    /// `keys` are those that know what is withdrawn now ([`KeyRings::knowing`]).
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
            "the resources take tokens of different algorithms; name one of them in the token request",
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
            // What a refresh brings answers no authentication request.
            rt_hash: granted
                .auth_req_id
                .and(refresh_token)
                .map(|token| id_token::token_hash(algorithm, token)),
        };
        Ok(keys.signing_key(algorithm, now)?.sign(id_token::TYP, &claims).await?)
    }
}
