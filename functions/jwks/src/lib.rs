//! The public keys of tokens (RFC 7517, OIDC Core §10.1). This function cannot read private keys: it has no permission to
//! decrypt them.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer};
use ciba::domain::issuer::key_schedule::JWKS_MAX_AGE;
use ciba::flows::Invocation;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, respond};
use ciba::keys::published_keys;
use ciba::protocol::discovery::{DiscoveryError as Error, METHODS};
use ciba::protocol::error::Common;
use ciba::store::{KeyUse, Table};

pub struct Jwks {
    table: Table,
}

impl Jwks {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Issuer::read(environment)?;
        Ok(Self { table: Table::connect(&Aws::read(environment)?) })
    }

    /// Opens the first connection during initialization, when Lambda grants full CPU.
    pub async fn warm_up(&self) {
        let _ = self.table.list_public_keys(KeyUse::signs_tokens).await;
    }
}

impl Endpoint for Jwks {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match request.method().as_str() {
            "GET" | "HEAD" => match published_keys(&self.table, KeyUse::signs_tokens, invocation.now).await {
                Ok(keys) => respond::cacheable(&keys, JWKS_MAX_AGE),
                Err(error) => respond::refusal::<Error>(&error.into()),
            },
            "OPTIONS" => respond::document_preflight(),
            _ => respond::refusal::<Error>(&Common::MethodNotAllowed(METHODS).into()),
        }
    }
}
