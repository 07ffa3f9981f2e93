//! The consent API (CIBA §8): a first-party app shows a person who asks for what, and sends their decision.
//!
//! Every call needs a login token of a configured login issuer, and shows its person nothing but their own.

use std::collections::BTreeSet;

use ciba::aws::Aws;
use ciba::config::{ConfigError, DecisionSettings, Environment, Issuer, LoginIssuers};
use ciba::domain::client::ClientId;
use ciba::domain::decision::DecisionRefused;
use ciba::domain::login_issuer::LoginProof;
use ciba::domain::request_key::RequestKey;
use ciba::domain::scope::Scope;
use ciba::flows::decide::{Choice, Consenting, NotDecided, Recorded};
use ciba::flows::prove_person::{NotProven, prove};
use ciba::flows::{Invocation, review};
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, bearer, json, respond};
use ciba::outbound::{Fetcher, JwksCache};
use ciba::protocol::consent::{
    ConsentError as Error, DecisionBody, DecisionView, DecisionWord, PendingRequests, RequestView,
};
use ciba::protocol::error::Refusal;
use ciba::protocol::routes;
use ciba::store::{ClientDirectory, Table};

pub struct Consent {
    settings: DecisionSettings,
    login_issuers: LoginIssuers,
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
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let fetcher =
            Fetcher::new(issuer.is_local()).map_err(|error| ConfigError::of("outbound", &error.0))?;
        Ok(Self {
            settings: DecisionSettings::read(environment)?,
            login_issuers: LoginIssuers::read(environment, &issuer)?,
            jwks: JwksCache::new(fetcher),
            clients: ClientDirectory::new(table.clone()),
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

    /// Read the call → prove the person → act.
    async fn answer(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<Response<Body>, Refusal<Error>> {
        let call = call(request)?;
        let proof = self.prove(request, invocation).await?;
        match call {
            Call::List => self.list(&proof, invocation).await.map(|all| respond::ok(&all)),
            Call::Read(key) => self.read(&key, &proof, invocation).await.map(|one| respond::ok(&one)),
            Call::Decide(key) => {
                let body = json::read(request).map_err(Error::InvalidRequest)?;
                self.decide(&key, body, &proof, invocation).await.map(|decision| respond::ok(&decision))
            }
        }
    }

    async fn prove(&self, request: &Request, invocation: &Invocation) -> Result<LoginProof, Refusal<Error>> {
        let token = bearer::token(request).ok_or(Error::TokenMissing)?;
        let max_age = self.settings.login_max_age;
        prove(token, &self.login_issuers, &self.jwks, max_age, invocation.now).await.map_err(|error| {
            match error {
                NotProven::Invalid(why) => Refusal::because(Error::InvalidToken, why),
                NotProven::NotFresh => {
                    Error::InsufficientUserAuthentication { max_age: max_age.as_secs() }.into()
                }
                NotProven::ScopeMissing => Error::InsufficientScope.into(),
                NotProven::Unavailable(why) => Refusal::unavailable(why),
            }
        })
    }

    async fn list(
        &self,
        proof: &LoginProof,
        invocation: &Invocation,
    ) -> Result<PendingRequests, Refusal<Error>> {
        let requests = review::list(&self.table, &self.clients, &proof.person, invocation.now).await;
        Ok(PendingRequests { requests: requests? })
    }

    async fn read(
        &self,
        key: &RequestKey,
        proof: &LoginProof,
        invocation: &Invocation,
    ) -> Result<RequestView, Refusal<Error>> {
        let found = review::read(&self.table, &self.clients, key, &proof.person, invocation.now).await;
        Ok(found?.ok_or(Error::NotFound)?)
    }

    async fn decide(
        &self,
        key: &RequestKey,
        body: DecisionBody,
        proof: &LoginProof,
        invocation: &Invocation,
    ) -> Result<DecisionView, Refusal<Error>> {
        let client = ClientId::parse(&body.client_id).ok_or(Error::InvalidRequest("client_id is not one"))?;
        let scope = body
            .scope
            .as_deref()
            .map(|text| Scope::parse(text).ok_or(Error::InvalidScope("scope is not one")));
        let choice = match (body.decision, scope.transpose()?) {
            (DecisionWord::Approve, scope) => Choice::Approve(scope),
            (DecisionWord::Deny, None) => Choice::Deny,
            (DecisionWord::Deny, Some(_)) => {
                return Err(Error::InvalidRequest("a denial has no scope").into());
            }
        };
        let evidence_retention = self.settings.evidence_retention;
        let flow = Consenting { table: &self.table, evidence_retention };
        let recorded = flow.decide(key, &client, choice, proof, invocation).await;
        let (decision, scope) = match recorded.map_err(not_decided)? {
            Recorded::Approved(scope) => ("approved", Some(scope.encode())),
            Recorded::Denied => ("denied", None),
        };
        respond::log_step(decision, key);
        Ok(DecisionView { request: key.encode(), decision, scope })
    }
}

impl Endpoint for Consent {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.answer(request, invocation).await {
            Ok(response) => response,
            Err(refusal) => respond::refusal(&refusal),
        }
    }
}

/// What a path and its method ask for.
fn call(request: &Request) -> Result<Call, Error> {
    let rest = request.uri().path().strip_prefix(routes::CONSENT).ok_or(Error::NotFound)?;
    let (name, allow) = match rest.strip_prefix('/') {
        None if rest.is_empty() => (None, "GET"),
        None => return Err(Error::NotFound),
        Some(rest) => match rest.split_once('/') {
            None => (Some(rest), "GET"),
            Some((name, "decision")) => (Some(name), "POST"),
            Some(_) => return Err(Error::NotFound),
        },
    };
    if request.method() != allow {
        return Err(Error::MethodNotAllowed { allow });
    }
    let Some(name) = name else { return Ok(Call::List) };
    let key = RequestKey::parse(name).ok_or(Error::NotFound)?;
    Ok(if allow == "POST" { Call::Decide(key) } else { Call::Read(key) })
}

fn not_decided(error: NotDecided) -> Refusal<Error> {
    match error {
        NotDecided::Refused(refused) => match refused {
            DecisionRefused::NotYours => Error::NotFound.into(),
            DecisionRefused::TooLate => Error::NotOpen("it is too late to decide").into(),
            DecisionRefused::DecidedOtherwise => Error::NotOpen("it was decided otherwise").into(),
            DecisionRefused::Cancelled => Error::NotOpen("it was cancelled or superseded").into(),
            DecisionRefused::ScopeNotAsked => {
                Error::InvalidScope("scope has values that were not asked for").into()
            }
            DecisionRefused::OpenidMissing => Error::InvalidScope("scope must contain openid").into(),
        },
        NotDecided::OtherClient => Error::InvalidRequest("client_id is not the client that asks").into(),
        NotDecided::SelfApproval => Error::AccessDenied.into(),
        NotDecided::Inactive => Error::NotOpen("person or client is not active any more").into(),
        NotDecided::Contended => Refusal::unavailable("the request changed at each try"),
        NotDecided::Store(error) => error.into(),
    }
}
