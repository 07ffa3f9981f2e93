//! The public keys of tokens (RFC 7517, OIDC Core §10.1). This function cannot read private keys: it has no permission to
//! decrypt them.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer};
use ciba::domain::issuer::key_schedule::JWKS_MAX_AGE;
use ciba::flows::Invocation;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, respond};
use ciba::keys::PublishedKeys;
use ciba::protocol::discovery::{DiscoveryError as Error, METHODS};
use ciba::protocol::error::Common;
use ciba::store::{KeyUse, Table};

pub struct Jwks {
    keys: PublishedKeys,
}

impl Jwks {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Issuer::read(environment)?;
        let table = Table::connect(&Aws::read(environment)?);
        Ok(Self { keys: PublishedKeys::new(table, KeyUse::signs_tokens) })
    }

    /// Opens the first connection and loads the keys during initialization, when Lambda grants full CPU.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }
}

impl Endpoint for Jwks {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match request.method().as_str() {
            "GET" | "HEAD" => match self.keys.get(invocation.now).await {
                Ok(keys) => respond::cacheable(request, &keys, JWKS_MAX_AGE),
                Err(error) => respond::refusal::<Error>(&error.into(), invocation),
            },
            "OPTIONS" => respond::document_preflight(),
            _ => respond::refusal::<Error>(&Common::MethodNotAllowed(METHODS).into(), invocation),
        }
    }
}
