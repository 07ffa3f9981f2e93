//! The token endpoint (CIBA §10.1, §11): a client polls, and redeems what was approved, once.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer, TokenSettings};
use ciba::domain::authentication_request::AuthenticationRequest;
use ciba::domain::client::{Client, DeliveryMode};
use ciba::domain::request_key::RequestKey;
use ciba::flows::Invocation;
use ciba::flows::poll::{PollOutcome, poll};
use ciba::flows::redeem::{NotRedeemed, Redemption};
use ciba::http::client_authentication::authenticated;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{HandleUse, KeyRings, Kms, OpenError};
use ciba::protocol::error::Refusal;
use ciba::protocol::token::{self, TokenError as Error, TokenResponse};
use ciba::store::{ClientDirectory, Table};

pub struct Token {
    issuer: Issuer,
    settings: TokenSettings,
    table: Table,
    clients: ClientDirectory,
    keys: KeyRings,
}

impl Token {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        Ok(Self {
            issuer: Issuer::read(environment)?,
            settings: TokenSettings::read(environment)?,
            clients: ClientDirectory::new(table.clone()),
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
        })
    }

    /// Opens the first connections and the keys, while Lambda gives a starting function its full speed.
    /// Without keys the function starts all the same, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Authenticate the client → check the grant → find → owner? → decided? → issue.
    async fn tokens(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let form = form::read(request)?;
        let client = authenticated(&self.clients, request, &form, invocation.now).await?;
        let auth_req_id = token::parse(&form)?;
        may_poll(&client)?;
        let key = self.open(auth_req_id, invocation).await?;
        let approved = match poll(&self.table, &key, &client.id, invocation).await? {
            PollOutcome::Approved(request) => request,
            PollOutcome::Pending { retry_after } => {
                return Err(Refusal::new(Error::AuthorizationPending).retry_after(retry_after));
            }
            PollOutcome::SlowDown { retry_after } => {
                return Err(Refusal::new(Error::SlowDown).retry_after(retry_after));
            }
            PollOutcome::Expired => return Err(Error::ExpiredToken.into()),
            PollOutcome::Refused => return Err(Error::AccessDenied.into()),
            PollOutcome::Invalid => return Err(Error::InvalidGrant.into()),
        };
        let tokens = self.redeem(&approved, auth_req_id, invocation).await?;
        respond::log_step("redeemed", &key);
        Ok(tokens)
    }

    /// A forged handle costs no database call.
    async fn open(&self, auth_req_id: &str, invocation: &Invocation) -> Result<RequestKey, Refusal<Error>> {
        let opened = self.keys.open_handle(HandleUse::AuthReqId, auth_req_id, invocation.now).await?;
        opened.map_err(|error| match error {
            OpenError::UnknownVersion => Refusal::because(Error::InvalidGrant, "unknown key version"),
            OpenError::Forged => Refusal::because(Error::InvalidGrant, "not a handle made here"),
        })
    }

    async fn redeem(
        &self,
        approved: &AuthenticationRequest,
        auth_req_id: &str,
        invocation: &Invocation,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let keys = self.keys.get(invocation.now).await?;
        let flow =
            Redemption { table: &self.table, keys: &keys, issuer: &self.issuer, settings: self.settings };
        flow.redeem(approved, auth_req_id, invocation).await.map_err(|error| match error {
            NotRedeemed::Gone => Error::InvalidGrant.into(),
            NotRedeemed::Expired => Error::ExpiredToken.into(),
            NotRedeemed::PersonInactive => {
                Refusal::because(Error::AccessDenied, "the person is not active any more")
            }
            NotRedeemed::ClientInactive => {
                Refusal::because(Error::UnauthorizedClient, "the client changed since")
            }
            NotRedeemed::Keys(error) => error.into(),
            NotRedeemed::Store(error) => error.into(),
            NotRedeemed::Fault(why) => Refusal::fault(why),
        })
    }
}

impl Endpoint for Token {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.tokens(request, invocation).await {
            Ok(tokens) => respond::ok(&tokens),
            Err(refusal) => respond::refusal(&refusal),
        }
    }
}

/// Push clients are told on their own endpoint, and redeem nothing here (`CIBA-5-04`).
fn may_poll(client: &Client) -> Result<(), Error> {
    match client.delivery_mode {
        DeliveryMode::Poll | DeliveryMode::Ping if client.may_use_ciba => Ok(()),
        DeliveryMode::Poll | DeliveryMode::Ping | DeliveryMode::Push => Err(Error::UnauthorizedClient),
    }
}
