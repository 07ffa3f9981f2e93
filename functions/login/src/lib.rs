//! Login on the page (OIDC Core §3.1): this provider as a client of the login issuers, so that a person can approve in
//! a browser.
//!
//! A login decides nothing. It leaves a session in the browser's cookie, and leads back to the page of the request. This
//! function reads what an open request asks of the login. Of people it only registers those whom a login issuer may
//! introduce, after a login without a request.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{
    ConfigError, Environment, Issuer, LoginIssuers, OperatorSettings, login_max_age, sms_countries,
};
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::issuer::key_schedule::JWKS_MAX_AGE;
use ciba::domain::issuer::login_attempt::{ATTEMPT_LIFETIME, Callback, CallbackRefused, LoginAttempt};
use ciba::domain::issuer::login_issuer::LoginIssuer;
use ciba::domain::issuer::session::{Session, SessionForm};
use ciba::domain::person::sms::SmsCountries;
use ciba::flows::deciding::log_in::{self, LogIn, NotLoggedIn, NotStarted, Start};
use ciba::flows::{Invocation, log};
use ciba::http::cookie::{self, Cookies};
use ciba::http::respond::Destination;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, browser, form, query, respond};
use ciba::keys::{ClientSecrets, KeyError, Kms, LoginKeys, PageKeys, PublishedKeys};
use ciba::outbound::{Fetcher, IssuerMetadataCache, JwksCache, TokenEndpoint};
use ciba::page::{self, Frame, Language, LoginProblem, MeForms, Page};
use ciba::protocol::discovery::METHODS;
use ciba::protocol::error::Common;
use ciba::protocol::login::LoginError as Error;
use ciba::protocol::routes;
use ciba::store::{KeyUse, Table};

/// The most logins that a browser may have started at the same time: their cookies are sent with every request, and
/// API Gateway limits the size of all headers.
const MOST_ATTEMPTS: usize = 4;

pub struct Login {
    operator: OperatorSettings,
    issuer: Issuer,
    redirect_uri: String,
    login_issuers: LoginIssuers,
    max_age: Duration,
    countries: SmsCountries,
    cookies: Cookies,
    published_keys: PublishedKeys,
    table: Table,
    metadata: IssuerMetadataCache,
    tokens: TokenEndpoint,
    jwks: JwksCache,
    keys: PageKeys,
    secrets: ClientSecrets,
    login_keys: LoginKeys,
}

impl Login {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        let (table, kms, local) = (Table::connect(&aws), Kms::connect(&aws), issuer.is_local());
        let outbound = |error: ciba::outbound::FetchError| ConfigError::of("outbound", &error.0);
        let fetcher = Fetcher::for_strangers(local).map_err(outbound)?;
        Ok(Self {
            operator: OperatorSettings::read(environment)?,
            redirect_uri: issuer.at(routes::LOGIN_CALLBACK),
            login_issuers: LoginIssuers::read(environment, &issuer)?,
            max_age: login_max_age(environment)?,
            countries: sms_countries(environment)?,
            cookies: Cookies::of(&issuer),
            metadata: IssuerMetadataCache::new(fetcher.clone(), table.clone(), local),
            tokens: TokenEndpoint::new(local).map_err(outbound)?,
            jwks: JwksCache::new(fetcher, table.clone()),
            keys: PageKeys::new(table.clone(), kms.clone()),
            secrets: ClientSecrets::new(kms.clone()),
            login_keys: LoginKeys::new(table.clone(), kms),
            published_keys: PublishedKeys::new(table.clone(), KeyUse::signs_assertions),
            issuer,
            table,
        })
    }

    /// Opens the first connections and loads the keys.
    pub async fn warm_up(&self, invocation: &Invocation) {
        self.keys.warm_up(invocation.now).await;
        let has_secret = |issuer: &LoginIssuer| {
            issuer.browser.as_ref().is_none_or(|browser| browser.client_secret.is_some())
        };
        if !self.login_issuers.iter().all(has_secret) {
            self.login_keys.warm_up(invocation.now).await;
        }
    }

    fn logging_in(&self) -> LogIn<'_> {
        LogIn {
            table: &self.table,
            issuers: &self.login_issuers,
            metadata: &self.metadata,
            tokens: &self.tokens,
            jwks: &self.jwks,
            keys: &self.keys,
            secrets: &self.secrets,
            login_keys: &self.login_keys,
            redirect_uri: &self.redirect_uri,
            max_age: self.max_age,
            countries: &self.countries,
        }
    }

    /// `GET /login`: sends the browser to the issuer, or lets the person choose one.
    async fn start(&self, request: &Request, call: &Call<'_>) -> Response<Body> {
        let key = match query::one(request, "request").map(RequestKey::parse) {
            // From the person's own place.
            None if query::all(request, "request").is_empty() => None,
            Some(Some(key)) => Some(key),
            None | Some(None) => return self.not_open(call),
        };
        let label = query::one(request, "idp");
        let Frame { language, chosen, .. } = call.frame;
        let languages = (language.tag(), chosen.map(Language::tag));
        let started = self.logging_in().start(key.as_ref(), label, languages, call.invocation).await;
        match started {
            Ok(Start::Go(departure)) => {
                let name = cookie_name(departure.attempt.state());
                let set = self.cookies.set(&name, &departure.sealed, ATTEMPT_LIFETIME);
                let earlier = self.cookies.named(request, cookie::LOGIN);
                let too_many = if earlier.len() < MOST_ATTEMPTS { vec![] } else { earlier };
                let cleared = too_many.into_iter().filter_map(|name| self.cookies.clear(name));
                let response = respond::redirect(&Destination::Issuer(departure.destination));
                respond::with_cookies(response, cleared.chain(set))
            }
            Ok(Start::Choose(issuers)) => {
                let issuers: Vec<_> =
                    issuers.iter().map(|it| (it.label.as_str(), it.name.as_str())).collect();
                respond::page(page::choose_issuer(&call.frame, key.as_ref(), &issuers))
            }
            Err(NotStarted::NotOpen) => self.not_open(call),
            Err(error @ (NotStarted::Unavailable(_) | NotStarted::Store(_))) => {
                log::trouble(&error.to_string(), call.invocation.now);
                respond::page(page::login_failed(&call.frame, LoginProblem::Down, key.as_ref()))
            }
        }
    }

    /// `GET /login/callback`: the issuer's answer. Whatever comes of it, the attempt's cookie is removed.
    async fn finish(&self, request: &Request, call: &Call<'_>) -> Response<Body> {
        let callback = Callback::read(|name| query::all(request, name)).unwrap_or_default();
        let name = cookie_name(callback.state.as_deref().unwrap_or_default());
        let attempt = match self.attempt(request, &name, call.invocation.now).await {
            Ok(Some(attempt)) => attempt,
            Ok(None) => {
                log::login_refused(CallbackRefused::NotStartedHere.why(), call.invocation.now);
                return respond::page(page::login_failed(&call.frame, LoginProblem::Outdated, None));
            }
            Err(KeyError(why)) => {
                log::trouble(&why, call.invocation.now);
                return respond::page(page::login_failed(&call.frame, LoginProblem::Down, None));
            }
        };
        let chosen = attempt.language().and_then(Language::of_tag);
        let call = &call.in_language(chosen);
        let response = match self.logging_in().finish(&attempt, &callback, call.invocation).await {
            Ok(session) => {
                log::logged_in(&session.issuer, call.invocation.now);
                let max_age = session.ends_at(self.max_age).since(call.invocation.now);
                let sealed = self.logging_in().seal(&session, call.invocation.now).await;
                match sealed {
                    Ok(sealed) => respond::with_cookies(
                        respond::redirect(&leads_to(&attempt)),
                        self.cookies.set(cookie::SESSION, &sealed, max_age),
                    ),
                    Err(KeyError(why)) => {
                        let request = attempt.request();
                        respond::page(self.problem(&NotLoggedIn::Unavailable(why), call, request.as_ref()))
                    }
                }
            }
            Err(error) => respond::page(self.problem(&error, call, attempt.request().as_ref())),
        };
        respond::with_cookies(response, self.cookies.clear(&name))
    }

    async fn attempt(
        &self,
        request: &Request,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<LoginAttempt>, KeyError> {
        match self.cookies.read(request, name) {
            Some(sealed) => self.logging_in().attempt(sealed, now).await,
            None => Ok(None),
        }
    }

    fn problem(&self, error: &NotLoggedIn, call: &Call<'_>, request: Option<&RequestKey>) -> Page {
        let problem = match error {
            NotLoggedIn::Callback(CallbackRefused::NotStartedHere | CallbackRefused::Expired)
            | NotLoggedIn::Used
            | NotLoggedIn::Code => LoginProblem::Outdated,
            NotLoggedIn::Callback(CallbackRefused::NotLoggedIn) => LoginProblem::Cancelled,
            NotLoggedIn::Callback(CallbackRefused::OtherIssuer | CallbackRefused::NoCode)
            | NotLoggedIn::NotVerified(_)
            | NotLoggedIn::IdToken(_) => LoginProblem::Refused,
            NotLoggedIn::Callback(CallbackRefused::IssuerFailed)
            | NotLoggedIn::Unavailable(_)
            | NotLoggedIn::Store(_) => LoginProblem::Down,
        };
        match problem {
            LoginProblem::Down => log::trouble(&error.to_string(), call.invocation.now),
            LoginProblem::Outdated | LoginProblem::Cancelled | LoginProblem::Refused => {
                log::login_refused(&error.to_string(), call.invocation.now);
            }
        }
        page::login_failed(&call.frame, problem, request)
    }

    /// `GET /login/jwks.json`: the keys by which login issuers know this provider (RFC 7517).
    async fn jwks(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.published_keys.get(invocation.now).await {
            Ok(keys) => respond::cacheable(request, &keys, JWKS_MAX_AGE),
            Err(error) => respond::refusal::<Error>(&error.into(), invocation),
        }
    }

    /// `POST /logout`: ends the session, if the form is one of its pages.
    async fn sign_out(&self, request: &Request, call: &Call<'_>) -> Response<Body> {
        let session = match self.session(request, call).await {
            Ok(session) => session,
            Err(KeyError(why)) => return trouble(&why, call),
        };
        let is_ours = browser::states_same_origin(request, self.issuer.as_str());
        let form = form::read(request).ok().filter(|_| is_ours);
        let token = form.and_then(|form| form.get("session_token").map(str::to_owned)).unwrap_or_default();
        match session {
            // Another site cannot end a session.
            Some(session) if !session.accepts(&token, SessionForm::SignOut) => {
                self.show_session(&session, call)
            }
            Some(_) | None => {
                let page = respond::page(page::signed_out(&call.frame));
                respond::with_cookies(page, self.cookies.clear(cookie::SESSION))
            }
        }
    }

    /// `GET /me`: who is logged in.
    async fn me(&self, request: &Request, call: &Call<'_>) -> Response<Body> {
        match self.session(request, call).await {
            Ok(Some(session)) => self.show_session(&session, call),
            Ok(None) => respond::page(page::nobody(&call.frame)),
            Err(KeyError(why)) => trouble(&why, call),
        }
    }

    fn show_session(&self, session: &Session, call: &Call<'_>) -> Response<Body> {
        let issuer = self.login_issuers.find(&session.issuer).and_then(|issuer| issuer.browser.as_ref());
        let name = issuer.map(|browser| browser.name.as_str()).unwrap_or_default();
        let sign_out = session.form_token(SessionForm::SignOut);
        let may_enroll = issuer.and_then(|browser| browser.self_enrollment.as_ref());
        let may_enroll = may_enroll.is_some_and(|rule| rule.allows(&session.authentication));
        let enroll = may_enroll.then(|| session.form_token(SessionForm::Enrollment));
        let forms = MeForms { sign_out: &sign_out, enroll: enroll.as_deref() };
        respond::page(page::me(&call.frame, (&session.subject, name), forms))
    }

    async fn session(&self, request: &Request, call: &Call<'_>) -> Result<Option<Session>, KeyError> {
        let cookie = self.cookies.read(request, cookie::SESSION);
        let now = call.invocation.now;
        log_in::session(cookie, &self.keys, &self.login_issuers, self.max_age, now).await
    }

    fn not_open(&self, call: &Call<'_>) -> Response<Body> {
        respond::page(page::not_open(call.frame.language, self.operator.shown(), call.frame.nonce, None))
    }
}

/// What every page of one call needs.
struct Call<'a> {
    frame: Frame<'a>,
    invocation: &'a Invocation,
}

impl Call<'_> {
    /// The same in the language that the person chose before the login, if they did.
    fn in_language(&self, chosen: Option<Language>) -> Self {
        let language = chosen.unwrap_or(self.frame.language);
        Self { frame: Frame { language, chosen, ..self.frame }, invocation: self.invocation }
    }
}

/// The cookie of the login with this `state`. Its name does not contain it: names are easier to read than values.
fn cookie_name(state: &str) -> String {
    format!("{}{}", cookie::LOGIN, log_in::cookie_suffix(state))
}

fn trouble(why: &str, call: &Call<'_>) -> Response<Body> {
    log::trouble(why, call.invocation.now);
    respond::page(page::trouble(&call.frame))
}

/// Where a login leads.
fn leads_to(attempt: &LoginAttempt) -> Destination {
    let chosen = attempt.language().and_then(Language::of_tag);
    match attempt.request() {
        Some(request) => Destination::Request(request, chosen),
        None => Destination::Me(chosen),
    }
}

fn refused(error: impl Into<Error>, invocation: &Invocation) -> Response<Body> {
    respond::refusal::<Error>(&error.into().into(), invocation)
}

impl Endpoint for Login {
    /// All but the key set is for browsers, so everything but a wrong path or method is answered with a page.
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let nonce = invocation.nonce();
        let (language, chosen) = (browser::language(request), browser::chosen_language(request));
        let frame = Frame { language, chosen, operator: self.operator.shown(), nonce: &nonce };
        let call = Call { frame, invocation };
        let (path, method) = (request.uri().path(), request.method());
        let is_read = method == "GET" || method == "HEAD";
        match path {
            routes::LOGIN if is_read => self.start(request, &call).await,
            // HEAD would use up the answer.
            routes::LOGIN_CALLBACK if method == "GET" => self.finish(request, &call).await,
            routes::LOGIN_JWKS if is_read => self.jwks(request, invocation).await,
            routes::LOGIN_JWKS if method == "OPTIONS" => respond::document_preflight(),
            routes::ME if is_read => self.me(request, &call).await,
            routes::LOGOUT if method == "POST" => self.sign_out(request, &call).await,
            routes::LOGIN | routes::ME => refused(Common::MethodNotAllowed("GET, HEAD"), invocation),
            routes::LOGIN_JWKS => refused(Common::MethodNotAllowed(METHODS), invocation),
            routes::LOGIN_CALLBACK => refused(Common::MethodNotAllowed("GET"), invocation),
            routes::LOGOUT => refused(Common::MethodNotAllowed("POST"), invocation),
            _ => refused(Error::NotFound, invocation),
        }
    }
}
