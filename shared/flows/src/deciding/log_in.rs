//! Logs a person in on the page, at a login issuer (OIDC Core §3.1). A login decides nothing: it makes a session, with
//! which the person can approve.

use std::time::Duration;

use url::Url;

use crate::Invocation;
use crate::registering::introduce_person::introduce;
use ciba_aws::config::LoginIssuers;
use ciba_aws::keys::{ClientSecrets, CookieUse, KeyError, LoginKeys, PageKeys};
use ciba_aws::outbound::{
    ClientProof, Code, Credentials, FetchError, IssuerMetadataCache, JwksCache, NotRedeemed, NotVerified,
    Redeemed, TokenEndpoint,
};
use ciba_aws::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::replay::{GuardedToken, ReplayGuard};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::base::time::{LEEWAY, Timestamp};
use ciba_core::domain::issuer::browser_login::BrowserLogin;
use ciba_core::domain::issuer::id_token::{Expected, IdTokenRefused};
use ciba_core::domain::issuer::login_assertion::LoginAssertion;
use ciba_core::domain::issuer::login_attempt::{
    Asked, Callback, CallbackRefused, IssuerMetadata, LoginAttempt, offered,
};
use ciba_core::domain::issuer::login_issuer::LoginIssuer;
use ciba_core::domain::issuer::session::Session;
use ciba_core::domain::person::new_person::NewPerson;
use ciba_core::domain::person::sms::SmsCountries;
use ciba_core::verify::jws::UnverifiedJws;

/// The dependencies of this flow.
pub struct LogIn<'a> {
    pub table: &'a Table,
    pub issuers: &'a LoginIssuers,
    pub metadata: &'a IssuerMetadataCache,
    pub tokens: &'a TokenEndpoint,
    pub jwks: &'a JwksCache,
    pub keys: &'a PageKeys,
    pub secrets: &'a ClientSecrets,
    /// For issuers at which this provider has no secret.
    pub login_keys: &'a LoginKeys,
    /// This provider's callback.
    pub redirect_uri: &'a str,
    /// How long ago the person may have logged in.
    pub max_age: Duration,
    /// Where an SMS may go to the people whom an issuer introduces.
    pub countries: &'a SmsCountries,
}

/// The next step of a login.
pub enum Start<'a> {
    /// The person chooses between these issuers.
    Choose(Vec<&'a BrowserLogin>),
    Go(Box<Departure>),
}

/// The way to a login issuer.
pub struct Departure {
    /// The authorization endpoint of the issuer, with the request to it.
    pub destination: Url,
    pub attempt: LoginAttempt,
    /// The attempt, sealed for the browser.
    pub sealed: String,
}

/// Why no login starts. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// People do not log in on the page here, or not as this request asks.
    #[error("there is nothing to log in for")]
    NotOpen,
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a login ends without a session. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    #[error("{}", .0.why())]
    Callback(CallbackRefused),
    /// `state` was used before.
    #[error("the answer was used before")]
    Used,
    #[error("the issuer does not accept the code")]
    Code,
    #[error("{0}")]
    NotVerified(&'static str),
    #[error("{}", .0.why())]
    IdToken(IdTokenRefused),
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyError> for NotStarted {
    fn from(error: KeyError) -> Self {
        Self::Unavailable(error.0)
    }
}

impl From<FetchError> for NotStarted {
    fn from(error: FetchError) -> Self {
        Self::Unavailable(error.0)
    }
}

impl From<FetchError> for NotLoggedIn {
    fn from(error: FetchError) -> Self {
        Self::Unavailable(error.0)
    }
}

impl From<NotVerified> for NotLoggedIn {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::Invalid(why) => Self::NotVerified(why),
            NotVerified::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<NotRedeemed> for NotLoggedIn {
    fn from(error: NotRedeemed) -> Self {
        match error {
            NotRedeemed::Code => Self::Code,
            NotRedeemed::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl<'a> LogIn<'a> {
    /// 1. Read what an open request asks of the login. For any other one a login starts all the same: the person may want
    ///    to see what they answered, and nobody learns from it which requests there are.
    /// 2. Its `acr_values`, the person, or the absence of a choice determine the issuer.
    /// 3. Read where the issuer's endpoints are, and whether it will accept how this provider authenticates.
    /// 4. Seal what binds the login to this browser, and send the browser on.
    ///
    /// `label` is the person's choice. Without a request, the login leads to the person's own place. `language` is that of
    /// the page, and `chosen_language` the same if the person chose it.
    pub async fn start(
        &self,
        request: Option<&RequestKey>,
        label: Option<&str>,
        (language, chosen_language): (&str, Option<&str>),
        invocation: &Invocation,
    ) -> Result<Start<'a>, NotStarted> {
        let Invocation { now, write_id, .. } = invocation;
        let found = match request {
            Some(request) => self.table.find_request(request).await?.filter(|found| found.is_open(*now)),
            None => None,
        };
        let acr_values = found.as_ref().and_then(|request| request.acr_values.as_deref());
        let offered = offered(self.issuers.iter(), acr_values);
        let chosen = match (label, &offered[..]) {
            (_, []) => return Err(NotStarted::NotOpen),
            (_, [only]) => Some(only),
            (Some(label), several) => several.iter().find(|(_, browser)| browser.label == label),
            (None, _) => None,
        };
        let Some((issuer, browser)) = chosen else {
            return Ok(Start::Choose(offered.into_iter().map(|(_, browser)| browser).collect()));
        };
        let metadata = self.metadata.of(&issuer.issuer, *now, write_id).await?;
        let accepted = metadata.accepts(browser);
        accepted.map_err(|why| NotStarted::Unavailable(format!("{} {why}", issuer.issuer)))?;
        let random = [invocation.random(), invocation.random(), invocation.random()];
        let attempt = LoginAttempt::new(issuer, (request, chosen_language), random, *now);
        let asked = Asked { redirect_uri: self.redirect_uri, max_age: self.max_age, acr_values, language };
        let destination = attempt.destination(issuer, &metadata, &asked).ok_or(NotStarted::NotOpen)?;
        let sealed = self.keys.seal(CookieUse::LoginAttempt, &attempt.encode(), *now).await?;
        Ok(Start::Go(Box::new(Departure { destination, attempt, sealed })))
    }

    /// The attempt in a browser's cookie. `None` if it was not sealed here.
    pub async fn attempt(&self, sealed: &str, now: Timestamp) -> Result<Option<LoginAttempt>, KeyError> {
        let opened = self.keys.open(CookieUse::LoginAttempt, sealed, now).await?;
        Ok(opened.and_then(|text| LoginAttempt::decode(&text)))
    }

    /// 1. The callback answers this browser's attempt.
    /// 2. Use up its `state`, before anything else happens.
    /// 3. It comes from the issuer of the attempt, which is still configured, and contains a code.
    /// 4. Redeem the code, with the secret or an assertion of this provider.
    /// 5. Verify the ID token's signature with the issuer's keys.
    /// 6. Check its claims.
    /// 7. If the login leads to the person's own place, the issuer may introduce them.
    pub async fn finish(
        &self,
        attempt: &LoginAttempt,
        callback: &Callback,
        invocation: &Invocation,
    ) -> Result<Session, NotLoggedIn> {
        let Invocation { now, write_id, .. } = invocation;
        attempt.matches(callback, *now).map_err(NotLoggedIn::Callback)?;
        let kept_until = attempt.expires_at().plus(LEEWAY);
        let guard = ReplayGuard::new(GuardedToken::LoginState, &attempt.issuer, attempt.state(), kept_until);
        if !self.table.insert_replay_guard(&guard, *now, write_id).await? {
            return Err(NotLoggedIn::Used);
        }
        let other = NotLoggedIn::Callback(CallbackRefused::OtherIssuer);
        let issuer = self.issuers.find(&attempt.issuer).ok_or(other)?;
        let metadata = self.metadata.of(&issuer.issuer, *now, write_id).await?;
        let code = attempt.code(callback, &metadata).map_err(NotLoggedIn::Callback)?;
        let redeemed = self.redeem(issuer, &metadata, (attempt, code), invocation).await?;
        let id_token = redeemed.id_token.expose();
        let jws = UnverifiedJws::parse(id_token).map_err(|error| NotLoggedIn::NotVerified(error.why()))?;
        if jws.typ().is_some_and(|typ| typ != "jwt") {
            return Err(NotLoggedIn::NotVerified("the token has the wrong type"));
        }
        let verified = self.jwks.verify(&jws, &issuer.jwks_uri, &issuer.algorithms, *now, write_id).await?;
        let expected = Expected {
            nonce: attempt.nonce(),
            access_token: redeemed.access_token.as_ref().map(|token| token.expose()),
            algorithm: jws.algorithm(),
            max_age: self.max_age,
        };
        let made = issuer.log_in(&verified, &expected, (invocation.random(), id_token), *now);
        let session = made.map_err(NotLoggedIn::IdToken)?;
        if attempt.request().is_none()
            && let Some(person) =
                NewPerson::introduced(issuer, &session.subject, &verified, invocation.random())
        {
            introduce(self.table, person, self.countries, invocation).await?;
        }
        Ok(session)
    }

    async fn redeem(
        &self,
        issuer: &LoginIssuer,
        metadata: &IssuerMetadata,
        (attempt, code): (&LoginAttempt, &str),
        invocation: &Invocation,
    ) -> Result<Redeemed, NotLoggedIn> {
        let unavailable = |why: &str| NotLoggedIn::Unavailable(format!("{}: {why}", issuer.issuer));
        let browser = issuer.browser.as_ref().ok_or(unavailable("has no login in the browser any more"))?;
        let proof = match &browser.client_secret {
            Some(sealed) => {
                let secret = self.secrets.of(&issuer.issuer, sealed).await;
                ClientProof::Secret(secret.map_err(|error| unavailable(&error.0))?)
            }
            None => {
                let Invocation { now, .. } = *invocation;
                let endpoint = &metadata.token_endpoint;
                let claims = LoginAssertion::new(browser, &issuer.issuer, endpoint, invocation.random(), now);
                let assertion = self.login_keys.sign(&claims, now).await;
                ClientProof::Assertion(assertion.map_err(|error| unavailable(&error.0))?)
            }
        };
        let code = Code { code, redirect_uri: self.redirect_uri, verifier: attempt.verifier() };
        let credentials = Credentials { client_id: &browser.client_id, proof };
        Ok(self.tokens.redeem(&metadata.token_endpoint, &code, &credentials).await?)
    }

    /// The value of the session's cookie.
    pub async fn seal(&self, session: &Session, now: Timestamp) -> Result<String, KeyError> {
        self.keys.seal(CookieUse::Session, &session.encode(), now).await
    }
}

/// The person of a session. `None` if its issuer's settings no longer identify one.
pub fn person_of(session: &Session, issuers: &LoginIssuers) -> Option<PersonKey> {
    issuers.find(&session.issuer)?.person_key(&session.subject)
}

/// What the name of an attempt's cookie ends with: part of a hash of its `state`.
pub fn cookie_suffix(state: &str) -> String {
    Secret::new(state).hash().as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The current session of a browser, from its cookie: its login is recent, and its issuer still logs people in here.
pub async fn session(
    cookie: Option<&str>,
    keys: &PageKeys,
    issuers: &LoginIssuers,
    max_age: Duration,
    now: Timestamp,
) -> Result<Option<Session>, KeyError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let opened = keys.open(CookieUse::Session, cookie, now).await?;
    let session = opened.and_then(|text| Session::decode(&text));
    let is_configured =
        |session: &Session| issuers.find(&session.issuer).is_some_and(|issuer| issuer.browser.is_some());
    Ok(session.filter(|session| session.is_current(now, max_age) && is_configured(session)))
}
