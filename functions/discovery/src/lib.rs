//! The metadata document (OIDC Discovery §4, RFC 8414 §3); `/authorize`, which answers that this provider has no
//! authorization in the browser; and the documents that make phones trust the operator's apps.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{
    AppSettings, ConfigError, Environment, Issuer, LoginIssuers, MtlsHost, PasskeySettings, profile,
};
use ciba::domain::person::passkey::PHISHING_RESISTANT;
use ciba::flows::{Invocation, log};
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, respond};
use ciba::protocol::app_association::{AppleAppSiteAssociation, AssetLinks};
use ciba::protocol::discovery::{DiscoveryError as Error, METHODS, Metadata, MtlsOffer, Offer};
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::routes;
use ciba::store::{DetailTypes, Table};

/// How long caches may keep the document.
const MAX_AGE: Duration = Duration::from_secs(300);

pub struct Discovery {
    metadata: Metadata,
    detail_types: DetailTypes,
    /// `None` if the operator has no such app.
    asset_links: Option<AssetLinks>,
    apple_apps: Option<AppleAppSiteAssociation>,
}

impl Discovery {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let login_issuers = LoginIssuers::read(environment, &issuer)?;
        let mut acr_values = login_issuers.acr_values();
        // The only value that passkeys add: they are not attested, so no passkey counts as hardware-bound.
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
        let table = Table::connect(&Aws::read(environment)?);
        let apps = AppSettings::read(environment)?;
        Ok(Self {
            metadata: Metadata::new(offer),
            detail_types: DetailTypes::new(table),
            asset_links: AssetLinks::of(&apps.android),
            apple_apps: AppleAppSiteAssociation::of(&apps.apple),
        })
    }

    /// Opens the first connection during initialization, when Lambda grants full CPU.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.detail_types.names(invocation.now).await;
    }

    /// The document, with the current authorization details types. If the table does not answer they are left out,
    /// so that clients still find everything else.
    async fn document(&self, invocation: &Invocation) -> Metadata {
        let names = self.detail_types.names(invocation.now).await.unwrap_or_else(|error| {
            log::trouble(&error.detail(), invocation.now);
            Vec::new()
        });
        let names = names.iter().map(|name| name.as_str().to_owned()).collect();
        Metadata { authorization_details_types_supported: names, ..self.metadata.clone() }
    }

    async fn answer(&self, request: &Request, invocation: &Invocation) -> Result<Response<Body>, Error> {
        match request.uri().path() {
            routes::AUTHORIZATION => Err(Error::UnsupportedResponseType),
            _ => match request.method().as_str() {
                "GET" | "HEAD" => self.published(request, invocation).await,
                "OPTIONS" => Ok(respond::document_preflight()),
                _ => Err(Common::MethodNotAllowed(METHODS).into()),
            },
        }
    }

    async fn published(&self, request: &Request, invocation: &Invocation) -> Result<Response<Body>, Error> {
        match request.uri().path() {
            routes::OPENID_CONFIGURATION | routes::AUTHORIZATION_SERVER => {
                Ok(respond::cacheable(request, &self.document(invocation).await, MAX_AGE))
            }
            routes::ASSET_LINKS => {
                let document = self.asset_links.as_ref().ok_or(Error::NotFound)?;
                Ok(respond::cacheable(request, document, MAX_AGE))
            }
            // This document is JSON too, although its name has no extension. Apple follows no redirects, so it is
            // served here.
            routes::APPLE_APP_SITE_ASSOCIATION => {
                let document = self.apple_apps.as_ref().ok_or(Error::NotFound)?;
                Ok(respond::cacheable(request, document, MAX_AGE))
            }
            _ => Err(Error::NotFound),
        }
    }
}

impl Endpoint for Discovery {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.answer(request, invocation).await {
            Ok(response) => response,
            Err(error) => respond::refusal(&Refusal::new(error), invocation),
        }
    }
}
