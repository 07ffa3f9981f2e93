//! The consent API, for a first-party app. Its calls need a login token of a configured login issuer; a decision
//! can use a passkey's signature instead.

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::scope::Scope;
use ciba::domain::client::ClientId;
use ciba::domain::issuer::login_issuer::LoginProof;
use ciba::domain::request::decision::{DecisionRefused, DecisionWord};
use ciba::flows::deciding::decide::{Choice, NotDecided, PresentedProof, Recorded};
use ciba::flows::deciding::prove_login::{LoginNotProven, prove};
use ciba::flows::deciding::review;
use ciba::flows::{Invocation, log};
use ciba::http::{Body, Request, Response, bearer, browser, json, respond};
use ciba::page::Language;
use ciba::protocol::consent::{
    ConsentError as Error, DecisionBody, DecisionView, PendingRequests, RequestView,
};
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::webauthn::Assertion;

use crate::{Call, Consent};

/// Reads the request, authenticates the person, and acts.
pub(crate) async fn answer(
    consent: &Consent,
    call: Call,
    request: &Request,
    invocation: &Invocation,
) -> Result<Response<Body>, Refusal<Error>> {
    match call {
        Call::List => {
            let proof = login(consent, request, invocation).await?;
            list(consent, &proof, invocation).await.map(|all| respond::ok(&all))
        }
        Call::Read(key) => {
            let proof = login(consent, request, invocation).await?;
            let language = browser::language(request);
            read(consent, &key, &proof, language, invocation).await.map(|one| respond::ok(&one))
        }
        Call::Decide(key) => {
            // Parsed before the proof is checked: whether a request is malformed does not depend on its sender,
            // and this refusal reveals nothing about any person.
            let decision = Decision::read(request)?;
            // A signature identifies the person by itself. A login token sent with it must still be valid.
            let proof = match bearer::token(request) {
                None if decision.passkey.is_some() => None,
                Some(_) | None => Some(login(consent, request, invocation).await?),
            };
            decide(consent, &key, &decision, proof.as_ref(), invocation)
                .await
                .map(|decision| respond::ok(&decision))
        }
    }
}

async fn login(
    consent: &Consent,
    request: &Request,
    invocation: &Invocation,
) -> Result<LoginProof, Refusal<Error>> {
    let token = bearer::token(request).ok_or(Error::TokenMissing)?;
    let max_age = consent.settings.login_max_age;
    let proof = prove(token, &consent.login_issuers, &consent.jwks, max_age, invocation).await;
    proof.map_err(|error| match error {
        LoginNotProven::Invalid(why) => Refusal::because(Error::InvalidToken, why),
        LoginNotProven::NotFresh => {
            Error::InsufficientUserAuthentication { max_age: max_age.as_secs() }.into()
        }
        LoginNotProven::ScopeMissing => Error::InsufficientScope.into(),
        LoginNotProven::Unavailable(why) => Refusal::unavailable(why),
    })
}

async fn list(
    consent: &Consent,
    proof: &LoginProof,
    invocation: &Invocation,
) -> Result<PendingRequests, Refusal<Error>> {
    let requests = review::list(&consent.table, &consent.clients, &proof.person, invocation.now).await;
    Ok(PendingRequests { requests: requests? })
}

async fn read(
    consent: &Consent,
    key: &RequestKey,
    proof: &LoginProof,
    language: Language,
    invocation: &Invocation,
) -> Result<RequestView, Refusal<Error>> {
    let passkeys = (consent.rp_id(), language);
    let found =
        review::read(&consent.table, &consent.clients, key, &proof.person, passkeys, invocation.now).await;
    Ok(found?.ok_or(Error::NotFound)?)
}

/// Parses a decision, before it is known which person sends it.
struct Decision {
    client: ClientId,
    choice: Choice,
    passkey: Option<Assertion>,
    language: Language,
}

impl Decision {
    fn read(request: &Request) -> Result<Self, Error> {
        let body = json::body(request).and_then(DecisionBody::parse).map_err(Common::InvalidRequest)?;
        let client = ClientId::parse(&body.client_id)
            .ok_or(Common::InvalidRequest("client_id is not 1-128 visible ASCII characters"))?;
        let scope = body.scope.as_deref().map(scope).transpose()?;
        let language = match body.language.as_deref() {
            None => Language::default(),
            Some(tag) => Language::of_tag(tag).ok_or(Common::InvalidRequest("language is not supported"))?,
        };
        // With a passkey, a denial may have a scope too: the signed statement names the selected scope for every
        // decision.
        if body.passkey.is_none() && body.decision != DecisionWord::Approve && scope.is_some() {
            return Err(Common::InvalidRequest("a denial must not have a scope").into());
        }
        if body.decision == DecisionWord::TakeBack && scope.is_some() {
            return Err(Common::InvalidRequest("take_back must not have a scope").into());
        }
        let choice = Choice { word: body.decision, scope, details: body.authorization_details };
        Ok(Self { client, choice, passkey: body.passkey, language })
    }
}

fn scope(text: &str) -> Result<Scope, Error> {
    if text.len() > Scope::MAX_SENT {
        return Err(Common::InvalidRequest("scope is longer than 1024 bytes").into());
    }
    Scope::parse(text).ok_or(Error::InvalidScope("scope is empty or has invalid characters"))
}

async fn decide(
    consent: &Consent,
    key: &RequestKey,
    decision: &Decision,
    login: Option<&LoginProof>,
    invocation: &Invocation,
) -> Result<DecisionView, Refusal<Error>> {
    let Decision { client, choice, passkey, language } = decision;
    let proof = match (passkey, login) {
        (Some(assertion), login) => PresentedProof::Passkey {
            assertion,
            language: *language,
            login: login.map(|login| &login.person),
        },
        (None, Some(login)) => PresentedProof::LoginToken(login),
        (None, None) => return Err(Error::TokenMissing.into()),
    };
    let record = consent.consenting().decide(key, client, choice, &proof, invocation).await;
    // Without a login token the caller must not learn which requests exist: unknown and expired requests get the
    // same answer.
    let record = record.map_err(|error| not_decided(error, login.is_some()))?;
    let decision = record.recorded.as_str();
    let scope = match &record.recorded {
        Recorded::Approved(scope) => Some(scope.encode()),
        Recorded::Denied | Recorded::Reported | Recorded::TakenBack => None,
    };
    log::decision(decision, key, Some(client), record.evidence.as_ref(), invocation.now);
    Ok(DecisionView { request: key.encode(), decision, scope })
}

fn not_decided(error: NotDecided, is_proven: bool) -> Refusal<Error> {
    match error {
        NotDecided::Refused(refused) => match refused {
            DecisionRefused::NotYours if is_proven => Error::NotFound.into(),
            DecisionRefused::ScopeNotAsked => {
                Error::InvalidScope("scope has values that were not requested").into()
            }
            DecisionRefused::OpenidMissing => Error::InvalidScope("scope must contain openid").into(),
            DecisionRefused::ScopeOfDetailsMissing => {
                Error::InvalidScope("scope lacks a value that authorization_details belong to").into()
            }
            DecisionRefused::TooLate if is_proven => Error::NotOpen("it is too late to decide").into(),
            DecisionRefused::DecidedOtherwise if is_proven => {
                Error::NotOpen("the request was already decided differently").into()
            }
            DecisionRefused::NotAnswered if is_proven => {
                Error::NotOpen("there is no answer to take back").into()
            }
            DecisionRefused::Cancelled if is_proven => {
                Error::NotOpen("the request was cancelled or superseded").into()
            }
            DecisionRefused::NotYours
            | DecisionRefused::TooLate
            | DecisionRefused::DecidedOtherwise
            | DecisionRefused::NotAnswered
            | DecisionRefused::Cancelled => Error::NotOpen("there is no such open request").into(),
        },
        NotDecided::OtherClient => {
            Common::InvalidRequest("client_id is not the client that made the request").into()
        }
        NotDecided::OtherDetails => {
            Common::InvalidRequest("authorization_details differ from those of the request").into()
        }
        NotDecided::Outdated => Common::InvalidRequest("the page is out of date").into(),
        NotDecided::SelfApproval => Error::AccessDenied.into(),
        NotDecided::Inactive => Error::NotOpen("the person or the client is no longer active").into(),
        NotDecided::ProofMissing => Error::TokenMissing.into(),
        NotDecided::PasskeyRequired => Error::PasskeyRequired.into(),
        NotDecided::PasskeyTooNew { usable_at } => {
            Error::PasskeyTooNew { usable_at: usable_at.seconds_rounded_up() }.into()
        }
        NotDecided::PasskeyNotAccepted(why) => Refusal::because(Error::PasskeyNotAccepted, why),
        NotDecided::Unavailable(why) => Refusal::unavailable(why),
        NotDecided::Contended => Refusal::unavailable("the request changed during every attempt"),
        NotDecided::Store(error) => error.into(),
    }
}
