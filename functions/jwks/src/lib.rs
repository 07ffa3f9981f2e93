//! The public keys (RFC 7517, OIDC Core §10.1). This function cannot read private keys: it has no permission to
//! decrypt them.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer};
use ciba::domain::issuer::key_schedule::{JWKS_MAX_AGE, Scheduled, is_published};
use ciba::flows::Invocation;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, respond};
use ciba::protocol::discovery::{DiscoveryError as Error, METHODS};
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::jwks::JwkSet;
use ciba::store::Table;

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
        let _ = self.table.list_public_keys().await;
    }

    /// Every key that signs now, will sign soon, or has signed something that may still be valid.
    async fn keys(&self, invocation: &Invocation) -> Result<JwkSet, Refusal<Error>> {
        let mut records = self.table.list_public_keys().await?;
        records.retain(|record| !record.is_withdrawn());
        // Each algorithm has its own schedule.
        let schedules = records.chunk_by(|one, next| one.key_use == next.key_use);
        let published = schedules
            .flat_map(|keys| keys.iter().filter(|record| is_published(*record, keys, invocation.now)));
        let keys: Vec<_> = published.filter_map(|record| record.public.clone()).collect();
        if keys.is_empty() {
            Err(Refusal::unavailable("there is no signing key"))
        } else {
            Ok(JwkSet { keys })
        }
    }
}

impl Endpoint for Jwks {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match request.method().as_str() {
            "GET" | "HEAD" => match self.keys(invocation).await {
                Ok(keys) => respond::cacheable(&keys, JWKS_MAX_AGE),
                Err(refusal) => respond::refusal(&refusal),
            },
            "OPTIONS" => respond::document_preflight(),
            _ => respond::refusal::<Error>(&Common::MethodNotAllowed(METHODS).into()),
        }
    }
}
