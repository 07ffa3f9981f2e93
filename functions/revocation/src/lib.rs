//! The revocation endpoint (RFC 7009): a client gives up a grant.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer};
use ciba::flows::tokens::revoke::revoke;
use ciba::flows::{Invocation, log};
use ciba::http::client_authentication::ClientAuthenticator;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::error::Refusal;
use ciba::protocol::token_management::{self, TokenManagementError as Error};
use ciba::store::Table;

pub struct Revocation {
    issuer: Issuer,
    table: Table,
    clients: ClientAuthenticator,
    keys: KeyRings,
}

impl Revocation {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let issuer = Issuer::read(environment)?;
        Ok(Self {
            clients: ClientAuthenticator::read(environment, &issuer, table.clone())?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
            issuer,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    /// Without keys the function still starts, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Authenticates the client, finds the token's owner, and revokes its grant. A token that is not the client's
    /// is not an error (RFC 7009 §2.2).
    async fn revoke(&self, request: &Request, invocation: &Invocation) -> Result<(), Refusal<Error>> {
        let form = form::read(request)?;
        let client = self.clients.authenticate(request, &form, invocation).await?;
        let token = token_management::parse(&form)?;
        let revoked = revoke(&self.table, &self.keys, &self.issuer, &client.id, token, invocation).await?;
        if let Some(grant) = revoked {
            log::step("revoked", &grant, invocation.now);
        }
        Ok(())
    }
}

impl Endpoint for Revocation {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.revoke(request, invocation).await {
            Ok(()) => respond::done(),
            Err(refusal) => respond::refusal(&refusal, invocation),
        }
    }
}
