//! The metadata document (OIDC Discovery §4, RFC 8414 §3), and `/authorize`, which says that there is nothing
//! to authorize in a browser here.

use std::time::Duration;

use ciba::config::{ConfigError, Environment, Issuer, LoginIssuers, MtlsHost, PasskeySettings, profile};
use ciba::domain::passkey::PHISHING_RESISTANT;
use ciba::flows::Invocation;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, respond};
use ciba::protocol::discovery::{DiscoveryError as Error, Metadata, MtlsOffer, Offer};
use ciba::protocol::error::Refusal;
use ciba::protocol::routes;

/// How long others may keep the document.
const MAX_AGE: Duration = Duration::from_secs(300);

pub struct Discovery {
    metadata: Metadata,
}

impl Discovery {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let login_issuers = LoginIssuers::read(environment, &issuer)?;
        let mut acr_values = login_issuers.acr_values();
        // Only that: no passkey is attested, so none counts as bound to hardware.
        acr_values
            .extend(PasskeySettings::rp_id(environment, &issuer)?.map(|_| PHISHING_RESISTANT.to_owned()));
        acr_values.sort();
        acr_values.dedup();
        let mtls = MtlsHost::read(environment)?;
        let offer = Offer {
            issuer: issuer.as_str(),
            mtls: mtls.as_ref().map(|host| MtlsOffer {
                url: host.as_str(),
                has_authorities: !host.authorities().is_empty(),
            }),
            profile: profile(environment)?,
            acr_values,
        };
        Ok(Self { metadata: Metadata::new(offer) })
    }

    fn answer(&self, request: &Request) -> Result<&Metadata, Error> {
        match request.uri().path() {
            routes::AUTHORIZATION => Err(Error::UnsupportedResponseType),
            _ if request.method() != "GET" => Err(Error::MethodNotAllowed),
            routes::OPENID_CONFIGURATION | routes::AUTHORIZATION_SERVER => Ok(&self.metadata),
            _ => Err(Error::NotFound),
        }
    }
}

impl Endpoint for Discovery {
    async fn handle(&self, request: &Request, _: &Invocation) -> Response<Body> {
        match self.answer(request) {
            Ok(metadata) => respond::cacheable(metadata, MAX_AGE),
            Err(error) => respond::refusal(&Refusal::new(error)),
        }
    }
}
