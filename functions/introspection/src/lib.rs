//! The introspection endpoint (RFC 7662): a client asks whether a token that it owns, or that is meant for it, is
//! active.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer};
use ciba::flows::Invocation;
use ciba::flows::tokens::introspect::Introspect;
use ciba::http::client_authentication::ClientAuthenticator;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::error::Refusal;
use ciba::protocol::token_management::{self, Introspection as Answer, TokenManagementError as Error};
use ciba::store::Table;

pub struct Introspection {
    issuer: Issuer,
    table: Table,
    clients: ClientAuthenticator,
    keys: KeyRings,
}

impl Introspection {
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

    /// Authenticates the caller, finds the token's owner, checks that the token is active, and answers.
    async fn answer(&self, request: &Request, invocation: &Invocation) -> Result<Answer, Refusal<Error>> {
        let form = form::read(request)?;
        let caller = self.clients.authenticate(request, &form, invocation).await?;
        let token = token_management::parse(&form)?;
        let flow = Introspect { table: &self.table, keys: &self.keys, issuer: &self.issuer };
        flow.introspect(token, &caller, invocation.now).await
    }
}

impl Endpoint for Introspection {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.answer(request, invocation).await {
            Ok(answer) => respond::ok(&answer),
            Err(refusal) => respond::refusal(&refusal, invocation),
        }
    }
}
