//! Consent (CIBA §8): who is asked sees who asks for what, and decides.
//!
//! Two ways in, with the same rules behind them: the page, for a person's browser, and the consent API, for a first-party app.
//! The page needs the link alone and says nothing about the person; the API shows a person what is theirs, and needs a
//! login token for it.

mod api;
mod page;

use std::collections::BTreeSet;

use ciba::aws::Aws;
use ciba::config::{
    CeremonySettings, ConfigError, DecisionSettings, Environment, Issuer, LoginIssuers, PasskeySettings,
    operator_name,
};
use ciba::domain::client::ClientId;
use ciba::domain::request_key::RequestKey;
use ciba::flows::Invocation;
use ciba::flows::decide::Consenting;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, browser, respond};
use ciba::outbound::{Fetcher, JwksCache};
use ciba::protocol::consent::ConsentError as Error;
use ciba::protocol::routes;
use ciba::protocol::webauthn::RelyingParty;
use ciba::store::{ClientDirectory, Table};

pub struct Consent {
    settings: DecisionSettings,
    issuer: Issuer,
    operator_name: String,
    login_issuers: LoginIssuers,
    passkeys: Option<(PasskeySettings, RelyingParty)>,
    jwks: JwksCache,
    table: Table,
    clients: ClientDirectory,
}

/// What a path and a method ask for.
enum Call {
    List,
    Read(RequestKey),
    Decide(RequestKey),
}

impl Consent {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let operator_name = operator_name(environment)?;
        let passkeys = PasskeySettings::read(environment, &issuer)?.map(|settings| {
            let CeremonySettings { rp_id, origins } = &settings.ceremony;
            let relying_party = RelyingParty::new(rp_id, origins, &operator_name);
            relying_party
                .map(|relying_party| (settings, relying_party))
                .map_err(|error| ConfigError::of(PasskeySettings::SETTING, &error.0))
        });
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let fetcher = Fetcher::for_strangers(issuer.is_local())
            .map_err(|error| ConfigError::of("outbound", &error.0))?;
        Ok(Self {
            settings: DecisionSettings::read(environment)?,
            login_issuers: LoginIssuers::read(environment, &issuer)?,
            passkeys: passkeys.transpose()?,
            jwks: JwksCache::new(fetcher, table.clone()),
            clients: ClientDirectory::new(table.clone()),
            issuer,
            operator_name,
            table,
        })
    }

    /// Opens the first connection, and refuses to start where the audience of a login issuer is a client here:
    /// that client could approve its own requests. A table that cannot be read now stops nothing; the check
    /// at each decision stands.
    pub async fn warm_up(&self, invocation: &Invocation) -> Result<(), ConfigError> {
        let audiences: BTreeSet<&str> =
            self.login_issuers.iter().map(|login| login.audience.value.as_str()).collect();
        for audience in audiences {
            let Some(id) = ClientId::parse(audience) else { continue };
            if let Ok(Some(_)) = self.clients.find_fresh(&id, invocation.now).await {
                return Err(ConfigError::of(LoginIssuers::SETTING, "has an audience that is a client_id"));
            }
        }
        Ok(())
    }

    fn consenting(&self) -> Consenting<'_> {
        Consenting {
            table: &self.table,
            evidence_retention: self.settings.evidence_retention,
            relying_party: self.passkeys.as_ref().map(|(_, relying_party)| relying_party),
            seasoning: self.passkeys.as_ref().map(|(settings, _)| settings.seasoning).unwrap_or_default(),
        }
    }

    fn rp_id(&self) -> Option<&str> {
        self.passkeys.as_ref().map(|(settings, _)| settings.ceremony.rp_id.as_str())
    }
}

impl Endpoint for Consent {
    /// A browser without a login token gets pages, and everybody else JSON.
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match call(request) {
            Ok(Call::Read(key)) if browser::wants_page(request) => {
                page::show(self, &key, request, invocation).await
            }
            Ok(Call::Decide(key)) if browser::sends_form(request) => {
                page::decline(self, &key, request, invocation).await
            }
            Err(Error::NotFound) if browser::wants_page(request) => page::not_open(self, request, invocation),
            Ok(call) => match api::answer(self, call, request, invocation).await {
                Ok(response) => response,
                Err(refusal) => respond::refusal(&refusal),
            },
            Err(error) => respond::refusal(&error.into()),
        }
    }
}

/// `Allow` of what is read.
const READ: &str = "GET, HEAD";

/// What a path and its method ask for.
fn call(request: &Request) -> Result<Call, Error> {
    let rest = request.uri().path().strip_prefix(routes::CONSENT).ok_or(Error::NotFound)?;
    let (name, allow) = match rest.strip_prefix('/') {
        None if rest.is_empty() => (None, READ),
        None => return Err(Error::NotFound),
        Some(rest) => match rest.split_once('/') {
            None => (Some(rest), READ),
            Some((name, "decision")) => (Some(name), "POST"),
            Some(_) => return Err(Error::NotFound),
        },
    };
    if !allow.split(", ").any(|method| request.method() == method) {
        return Err(Error::MethodNotAllowed { allow });
    }
    let Some(name) = name else { return Ok(Call::List) };
    let key = RequestKey::parse(name).ok_or(Error::NotFound)?;
    Ok(if allow == "POST" { Call::Decide(key) } else { Call::Read(key) })
}
