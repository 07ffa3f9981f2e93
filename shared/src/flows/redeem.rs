//! Redeeming an approved request: everything that can fail comes first, then one conditional write, then the reply.

use crate::config::{Issuer, TokenSettings};
use crate::domain::authentication_request::{AuthenticationRequest, PollFinding, poll as find};
use crate::domain::client::Client;
use crate::domain::decision::Approval;
use crate::domain::person::Person;
use crate::domain::signing_algorithm::SigningAlgorithm;
use crate::domain::time::{Timestamp, seconds_rounded_up};
use crate::flows::Invocation;
use crate::keys::{KeyError, KeyRing};
use crate::protocol::access_token::{self, AccessTokenClaims};
use crate::protocol::id_token::{self, IdTokenClaims};
use crate::protocol::token::TokenResponse;
use crate::store::{Redeemed, StoreError, Table};

/// What this flow works with.
pub struct Redemption<'a> {
    pub table: &'a Table,
    pub keys: &'a KeyRing,
    pub issuer: &'a Issuer,
    pub settings: TokenSettings,
}

/// Why no tokens are issued. The approval stands, except where somebody else redeemed it.
#[derive(Debug)]
pub enum NotRedeemed {
    /// Another poll was first, or the request ended.
    Gone,
    Expired,
    /// The person is not active any more.
    PersonInactive,
    /// The client is disabled, or lost this grant.
    ClientInactive,
    Keys(KeyError),
    Store(StoreError),
    Fault(String),
}

impl From<StoreError> for NotRedeemed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeyError> for NotRedeemed {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl Redemption<'_> {
    /// 1. Read person and client as they are now (`ATK-8-04`).
    /// 2. Make the tokens of what was approved (`ATK-8-05`).
    /// 3. Redeem the request: of any number of parallel polls, one wins (`ATK-4-04`).
    ///
    /// `auth_req_id` is the handle the client presented; the ID token repeats it.
    pub async fn redeem(
        &self,
        request: &AuthenticationRequest,
        auth_req_id: &str,
        invocation: &Invocation,
    ) -> Result<TokenResponse, NotRedeemed> {
        let (person, client) = self.table.find_person_and_client(&request.person, &request.client).await?;
        let person = person.filter(|person| person.active).ok_or(NotRedeemed::PersonInactive)?;
        let client = client
            .filter(|client| client.active && client.may_use_ciba)
            .ok_or(NotRedeemed::ClientInactive)?;

        let ends_at = invocation.now.plus(self.settings.access_token_lifetime);
        let grant = request.redeem(&request.client, invocation.now, ends_at).ok_or(NotRedeemed::Gone)?;
        let tokens = self.tokens(request, &grant.approval, &person, &client, auth_req_id, invocation)?;

        let expires_at = request.lifetime.expires_at;
        let write = self.table.redeem_request(
            &request.key,
            &request.client,
            &grant,
            expires_at,
            &invocation.write_id,
        );
        match write.await? {
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

    fn tokens(
        &self,
        request: &AuthenticationRequest,
        approval: &Approval,
        person: &Person,
        client: &Client,
        auth_req_id: &str,
        invocation: &Invocation,
    ) -> Result<TokenResponse, NotRedeemed> {
        let now = invocation.now;
        let signing_key = self.keys.signing_key(SigningAlgorithm::DEFAULT, now)?;
        let jti = self.keys.seal_jti(&request.key, invocation.random(), now)?;
        let (iss, sub, client_id) = (self.issuer.as_str(), person.sub.as_str(), client.id.as_str());
        let scope = approval.scope.encode();
        let authentication = &approval.authentication;
        let (acr, amr) = (authentication.acr.as_deref(), authentication.amr.as_slice());
        let auth_time = authentication.auth_time.seconds();
        let until = |lifetime| Timestamp::seconds(now.plus(lifetime));

        let access_token = AccessTokenClaims {
            iss,
            sub,
            aud: client.audience.as_deref().unwrap_or(iss),
            client_id,
            iat: now.seconds(),
            exp: until(self.settings.access_token_lifetime),
            jti: &jti,
            scope: &scope,
            auth_time,
            acr,
            amr,
        };
        let access_token = signing_key.sign(access_token::TYP, &access_token).map_err(NotRedeemed::Fault)?;
        let id_token = IdTokenClaims {
            iss,
            sub,
            aud: client_id,
            iat: now.seconds(),
            exp: until(self.settings.id_token_lifetime),
            auth_time,
            acr,
            amr,
            at_hash: id_token::at_hash(signing_key.algorithm(), &access_token),
            auth_req_id,
        };
        Ok(TokenResponse {
            id_token: signing_key.sign("JWT", &id_token).map_err(NotRedeemed::Fault)?,
            access_token,
            token_type: "Bearer",
            expires_in: seconds_rounded_up(self.settings.access_token_lifetime),
            scope: (!approval.scope.same_as(&request.scope)).then_some(scope),
        })
    }
}
