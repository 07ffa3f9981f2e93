//! Consent (CIBA §8): shows a person which client makes a request and what it requests, and records their
//! decision.
//!
//! Two interfaces apply the same rules: the page, for a person's browser, and the consent API, for a first-party
//! app. The page needs only the link and reveals nothing about the person; approving there needs a session or a
//! passkey. The API shows a person their own requests, and requires a login token, which a session does not replace.

mod api;
mod page;

use std::collections::BTreeSet;

use ciba::aws::Aws;
use ciba::config::{
    CeremonySettings, ConfigError, DecisionSettings, Environment, Issuer, LoginIssuers, OperatorSettings,
    PasskeySettings, WitnessSettings,
};
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::client::ClientId;
use ciba::domain::issuer::session::Session;
use ciba::flows::Invocation;
use ciba::flows::deciding::authentic_passkey::Enrollments;
use ciba::flows::deciding::decide::Decide;
use ciba::flows::deciding::keep_evidence::KeepEvidence;
use ciba::flows::deciding::log_in;
use ciba::http::cookie::{self, Cookies};
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, browser, respond};
use ciba::keys::{KeyError, KeyRings, Kms, PageKeys, Witness, WitnessReader};
use ciba::outbound::{Fetcher, JwksCache};
use ciba::page::Frame;
use ciba::protocol::consent::ConsentError as Error;
use ciba::protocol::error::Common;
use ciba::protocol::routes;
use ciba::store::{ClientDirectory, Table};
use ciba::verify::webauthn::RelyingParty;
use ciba::verify::witness::Purpose;

pub struct Consent {
    settings: DecisionSettings,
    issuer: Issuer,
    operator: OperatorSettings,
    login_issuers: LoginIssuers,
    passkeys: Option<(PasskeySettings, RelyingParty)>,
    jwks: JwksCache,
    /// Keys that seal the personal part of a decision's evidence.
    keys: KeyRings,
    /// Signs evidence. `None` if evidence is not signed.
    witness: Option<Witness>,
    enrollments: Enrollments,
    table: Table,
    clients: ClientDirectory,
    cookies: Cookies,
    /// Open the sessions of people who logged in on the page. `None` if they cannot log in there.
    page_keys: Option<PageKeys>,
}

/// The call that a request's path and method select.
enum Call {
    List,
    Read(RequestKey),
    Decide(RequestKey),
}

impl Consent {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let operator = OperatorSettings::read(environment)?;
        let passkeys = PasskeySettings::read(environment, &issuer)?.map(|settings| {
            let CeremonySettings { rp_id, origins } = &settings.ceremony;
            let relying_party = RelyingParty::new(rp_id, origins, &operator.name);
            relying_party
                .map(|relying_party| (settings, relying_party))
                .map_err(|error| ConfigError::of(PasskeySettings::SETTING, &error.0))
        });
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let fetcher = Fetcher::for_strangers(issuer.is_local())
            .map_err(|error| ConfigError::of("outbound", &error.0))?;
        let kms = Kms::connect(&aws);
        let login_issuers = LoginIssuers::read(environment, &issuer)?;
        let page_keys = login_issuers.have_browser().then(|| PageKeys::new(table.clone(), kms.clone()));
        let enrollment_key = WitnessSettings::enrollment_key(environment);
        let evidence_key = WitnessSettings::evidence_key(environment);
        Ok(Self {
            witness: evidence_key.map(|key| Witness::new(&kms, key, Purpose::Evidence)),
            enrollments: Enrollments {
                key: enrollment_key.map(|key| WitnessReader::new(&kms, key)),
                accepts_unsigned: WitnessSettings::accepts_unsigned_passkeys(environment)?,
            },
            keys: KeyRings::new(table.clone(), kms),
            settings: DecisionSettings::read(environment)?,
            login_issuers,
            page_keys,
            cookies: Cookies::of(&issuer),
            passkeys: passkeys.transpose()?,
            jwks: JwksCache::new(fetcher, table.clone()),
            clients: ClientDirectory::new(table.clone()),
            issuer,
            operator,
            table,
        })
    }

    /// Opens the first connections and loads the keys, and refuses to start if the audience of a login issuer is a
    /// client here: that client could approve its own requests. Startup succeeds even if the table cannot be read
    /// or the keys are missing; the checks at each decision still apply.
    pub async fn warm_up(&self, invocation: &Invocation) -> Result<(), ConfigError> {
        let _ = self.keys.get(invocation.now).await;
        if let Some(keys) = &self.page_keys {
            keys.warm_up(invocation.now).await;
        }
        if let Some(reader) = &self.enrollments.key {
            let _ = reader.key().await;
        }
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

    fn consenting(&self) -> Decide<'_> {
        Decide {
            table: &self.table,
            keeper: KeepEvidence {
                keys: &self.keys,
                witness: self.witness.as_ref(),
                retention: self.settings.evidence_retention,
            },
            enrollments: &self.enrollments,
            relying_party: self.passkeys.as_ref().map(|(_, relying_party)| relying_party),
            seasoning: self.passkeys.as_ref().map(|(settings, _)| settings.seasoning).unwrap_or_default(),
        }
    }

    /// The session of the browser, and its person. It counts on pages only.
    async fn session(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<Option<(Session, PersonKey)>, KeyError> {
        let Some(keys) = &self.page_keys else { return Ok(None) };
        let (cookie, max_age) = (self.cookies.read(request, cookie::SESSION), self.settings.login_max_age);
        let session = log_in::session(cookie, keys, &self.login_issuers, max_age, invocation.now).await?;
        Ok(session.and_then(|session| {
            let person = log_in::person_of(&session, &self.login_issuers)?;
            Some((session, person))
        }))
    }

    fn frame<'a>(&'a self, request: &Request, nonce: &'a str) -> Frame<'a> {
        let (language, chosen) = (browser::language(request), browser::chosen_language(request));
        Frame { language, chosen, operator: self.operator.shown(), nonce }
    }

    fn rp_id(&self) -> Option<&str> {
        self.passkeys.as_ref().map(|(settings, _)| settings.ceremony.rp_id.as_str())
    }
}

impl Endpoint for Consent {
    /// A browser without a login token gets pages; every other caller gets JSON.
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match call(request) {
            Ok(Call::Read(key)) if browser::wants_page(request) && request.method() == "HEAD" => {
                page::is_open(self, &key, request, invocation).await
            }
            Ok(Call::Read(key)) if browser::wants_page(request) => {
                page::show(self, &key, request, invocation).await
            }
            Ok(Call::Decide(key)) if browser::sends_form(request) => {
                page::decide(self, &key, request, invocation).await
            }
            Err(Error::NotFound) if browser::wants_page(request) => {
                page::not_open(self, None, request, invocation)
            }
            Ok(call) => match api::answer(self, call, request, invocation).await {
                Ok(response) => response,
                Err(refusal) => respond::refusal(&refusal, invocation),
            },
            Err(error) => respond::refusal(&error.into(), invocation),
        }
    }
}

/// The `Allow` header of read-only paths.
const READ: &str = "GET, HEAD";

/// Routes a path and its method.
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
        return Err(Common::MethodNotAllowed(allow).into());
    }
    let Some(name) = name else { return Ok(Call::List) };
    let key = RequestKey::parse(name).ok_or(Error::NotFound)?;
    Ok(if allow == "POST" { Call::Decide(key) } else { Call::Read(key) })
}
