//! The backchannel authentication endpoint (CIBA §7): a client asks to sign a person in.
//!
//! The order is that of CIBA §7.2. Nothing about a person is looked at before the client is authenticated, and
//! after any refusal there is no request and no message. What a client asked it can cancel here, too.

mod cancel;

use ciba::aws::Aws;
use ciba::config::{
    ConfigError, Environment, HintIssuers, HintSettings, Issuer, LoginIssuers, NotificationSettings,
    RequestSettings, SmsSettings, WitnessSettings,
};
use ciba::domain::base::authentication::Authentication;
use ciba::domain::base::profile::Profile;
use ciba::domain::base::time::seconds_rounded_up;
use ciba::domain::client::notification_token::ClientNotificationToken;
use ciba::domain::client::{Client, DeliveryMode};
use ciba::domain::details::authorization_details::{Refused, RequestDetail};
use ciba::domain::person::Person;
use ciba::domain::person::asks::Asks;
use ciba::domain::person::passkey::Passkey;
use ciba::domain::person::user_code::UserCode;
use ciba::domain::request::notification::Messages;
use ciba::flows::asking::check_user_code::{self, UserCodeRefused};
use ciba::flows::asking::describe_details::{NotDescribed, describe};
use ciba::flows::asking::fit_tokens::{LAST, fits};
use ciba::flows::asking::read_request::{self, NotRead};
use ciba::flows::asking::resolve_hint::{HintResolver, HintTokens, NotResolved};
use ciba::flows::asking::start_authentication::{Backchannel, NotStarted, Started};
use ciba::flows::deciding::keep_evidence::Keeper;
use ciba::flows::{Invocation, log};
use ciba::http::client_authentication::ClientAuthenticator;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{KeyRings, Kms, Witness};
use ciba::notify::Notifier;
use ciba::outbound::{Fetcher, JwksCache};
use ciba::protocol::backchannel_authentication::{
    BackchannelAuthenticationError as Error, BackchannelAuthenticationRequest,
    BackchannelAuthenticationResponse, PresentedHint, notification_token, user_code,
};
use ciba::protocol::error::Refusal;
use ciba::protocol::parameters::Parameters;
use ciba::protocol::request_object::SignedRequest;
use ciba::protocol::routes;
use ciba::store::{DetailTypes, Table};
use ciba::verify::witness::Purpose;

/// 6144 bytes are what fits into headers, and 4182 what KMS signs with EdDSA.
const TOO_LONG: &str = "what is asked for does not fit into one access token of 6144 bytes, or 4182 if EdDSA signs it; ask for less at once";
const LIMIT_REACHED: &str = "the person was asked too often, or denied or blocked the client";
const CONTENDED: &str = "too many requests for one person at one moment";

pub struct BackchannelAuthentication {
    issuer: Issuer,
    requests: RequestSettings,
    messages: Messages,
    hints: HintSettings,
    hint_tokens: Option<HintTokens>,
    login_issuers: LoginIssuers,
    /// The most that tokens can say of a login.
    fullest_logins: Vec<Authentication>,
    table: Table,
    clients: ClientAuthenticator,
    detail_types: DetailTypes,
    keys: KeyRings,
    /// Signs what is kept of a signed request. `None`: nobody does.
    witness: Option<Witness>,
    notifier: Notifier,
}

impl BackchannelAuthentication {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let login_issuers = LoginIssuers::read(environment, &issuer)?;
        let (kms, evidence_key) = (Kms::connect(&aws), WitnessSettings::evidence_key(environment));
        Ok(Self {
            witness: evidence_key.map(|key| Witness::new(&kms, key, Purpose::Evidence)),
            requests: RequestSettings::read(environment)?,
            messages: NotificationSettings::read(environment, &issuer)?,
            hints: HintSettings::read(environment)?,
            hint_tokens: hint_tokens(environment, &issuer, &login_issuers, &table)?,
            fullest_logins: login_issuers
                .iter()
                .map(|login| login.fullest(LAST))
                .chain([Passkey::fullest(LAST)])
                .collect(),
            login_issuers,
            clients: ClientAuthenticator::read(environment, &issuer, table.clone())?,
            detail_types: DetailTypes::new(table.clone()),
            keys: KeyRings::new(table.clone(), kms),
            notifier: Notifier::connect(&aws, SmsSettings::read(environment)?),
            table,
            issuer,
        })
    }

    /// Opens the first connections and the keys, while Lambda gives a starting function its full speed.
    /// Without keys the function starts all the same, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// CIBA §7.2, step by step.
    async fn acknowledge(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<BackchannelAuthenticationResponse, Refusal<Error>> {
        let form = form::read(request)?;
        let client = self.clients.authenticate(request, &form, invocation).await?;
        may_ask(&client)?;
        let (form, signed) = self.read(form, &client, invocation).await?;
        let asked = BackchannelAuthenticationRequest::parse(&form, &client.name)?;
        let asked = BackchannelAuthenticationRequest { signed, ..asked };
        let code = if client.takes_user_code { user_code(&form)? } else { None };
        let token = match client.delivery.mode() {
            DeliveryMode::Poll => None,
            DeliveryMode::Ping | DeliveryMode::Push => Some(notification_token(&form)?),
        };
        if let Some(value) = asked.scope.first_beyond(&client.scope) {
            let why = Error::InvalidScope("scope has a value that the client is not registered for");
            return Err(Refusal::new(why).naming(Some(value)));
        }
        check_context(&client, &asked)?;
        self.check_target(&client, &asked)?;
        let detail = self.describe(&client, &asked, invocation).await?;
        self.check_length(&client, &asked)?;
        let (person, asks) = self.person(&client, &asked.hint, invocation).await?;
        self.use_up(asked.signed.as_ref(), invocation).await?;
        let asks = self.check_user_code(&client, &person, code.as_ref(), asks, invocation).await?;
        let asked = (asked, &detail);
        let started = self.start(&client, &person, asks, asked, token.as_ref(), invocation).await?;
        for channel in &started.unreachable {
            log::unreachable(&started.request.key, channel.channel, &channel.why);
        }
        if let Some(channel) = started.channel {
            log::notified(&started.request, channel, invocation.now);
        }
        log::requested(&started.request.key, started.evidence.as_ref());
        Ok(acknowledgement(started))
    }

    /// Step 2: a signed request is verified, and from then on read like any other.
    async fn read(
        &self,
        form: Parameters,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<(Parameters, Option<SignedRequest>), Refusal<Error>> {
        let (keys, issuer) = (self.clients.keys(), self.issuer.as_str());
        let read = read_request::read(form, client, keys, issuer, invocation).await;
        read.map_err(|error| match error {
            NotRead::Invalid(why) => Error::InvalidRequest(why).into(),
            NotRead::Unavailable(why) => Refusal::unavailable(why),
        })
    }

    /// A signed request is good once (`CIBA-7.1.1-18`). Recorded as late as can be, so that a request about nobody, or one
    /// whose hint cannot be looked up, costs its client nothing; and before anything else is written but other such records.
    async fn use_up(
        &self,
        signed: Option<&SignedRequest>,
        invocation: &Invocation,
    ) -> Result<(), Refusal<Error>> {
        let Some(SignedRequest { guard, .. }) = signed else { return Ok(()) };
        match self.table.insert_replay_guard(guard, invocation.now, &invocation.write_id).await? {
            true => Ok(()),
            false => Err(Error::InvalidRequest("the signed request was used before").into()),
        }
    }

    /// RFC 8707 §2: the client may have tokens for these resources, and the scope belongs to them.
    fn check_target(
        &self,
        client: &Client,
        asked: &BackchannelAuthenticationRequest,
    ) -> Result<(), Refusal<Error>> {
        let target = client
            .target(&asked.resources, self.issuer.as_str())
            .ok_or(Error::InvalidTarget("resource or audience is none that the client is registered for"))?;
        match target.first_foreign(&asked.scope, client) {
            None => Ok(()),
            foreign => {
                let why = Error::InvalidScope("scope has a value of a resource that was not named");
                Err(Refusal::new(why).naming(foreign))
            }
        }
    }

    /// The access token will fit into the headers of a request (`HYG-1-07`).
    fn check_length(&self, client: &Client, asked: &BackchannelAuthenticationRequest) -> Result<(), Error> {
        if fits(client, asked, self.issuer.as_str(), &self.fullest_logins) {
            Ok(())
        } else if !asked.authorization_details.is_empty() {
            Err(Error::InvalidAuthorizationDetails(TOO_LONG))
        } else if !asked.resources.is_empty() {
            Err(Error::InvalidTarget(TOO_LONG))
        } else {
            Err(Error::InvalidScope(TOO_LONG))
        }
    }

    /// RFC 9396 §5: what is asked for beyond the scope, and how the person will read it.
    async fn describe(
        &self,
        client: &Client,
        asked: &BackchannelAuthenticationRequest,
        invocation: &Invocation,
    ) -> Result<RequestDetail, Refusal<Error>> {
        let described = describe(&self.detail_types, client, asked, &self.issuer, invocation.now);
        described.await.map_err(|error| match error {
            NotDescribed::Invalid(Refused { told, detail: None }) => {
                Error::InvalidAuthorizationDetails(told).into()
            }
            NotDescribed::Invalid(Refused { told, detail: Some(why) }) => {
                Refusal::because(Error::InvalidAuthorizationDetails(told), why)
            }
            NotDescribed::Store(error) => error.into(),
        })
    }

    /// Steps 4 and 5: the hint becomes a person who can be asked.
    async fn person(
        &self,
        client: &Client,
        hint: &PresentedHint,
        invocation: &Invocation,
    ) -> Result<(Person, Asks), Refusal<Error>> {
        let flow = HintResolver {
            table: &self.table,
            keys: &self.keys,
            issuer: &self.issuer,
            login_issuers: &self.login_issuers,
            settings: self.hints,
            hint_tokens: self.hint_tokens.as_ref(),
        };
        flow.resolve(client, hint, invocation).await.map_err(|error| match error {
            NotResolved::Invalid { told, detail: None } => Error::InvalidRequest(told).into(),
            NotResolved::Invalid { told, detail: Some(why) } => {
                Refusal::because(Error::InvalidRequest(told), why)
            }
            NotResolved::Expired => Error::ExpiredLoginHintToken.into(),
            NotResolved::Nobody => Error::UnknownUserId.into(),
            NotResolved::Unavailable(why) => Refusal::unavailable(why),
            NotResolved::Keys(error) => error.into(),
            NotResolved::Store(error) => error.into(),
        })
    }

    /// CIBA §7.1.2: before anything is sent to the person, and of a client that may ask this person only.
    async fn check_user_code(
        &self,
        client: &Client,
        person: &Person,
        code: Option<&UserCode>,
        asks: Asks,
        invocation: &Invocation,
    ) -> Result<Asks, Refusal<Error>> {
        let limits = &self.requests.limits;
        let checked = check_user_code::check(&self.table, client, person, code, asks, limits, invocation);
        checked.await.map_err(|error| match error {
            UserCodeRefused::LimitReached => Refusal::because(Error::AccessDenied, LIMIT_REACHED),
            UserCodeRefused::Missing => Error::MissingUserCode.into(),
            UserCodeRefused::Invalid(why) => Refusal::because(Error::InvalidUserCode, why),
            UserCodeRefused::Contended => Refusal::unavailable(CONTENDED),
            UserCodeRefused::Store(error) => error.into(),
        })
    }

    async fn start(
        &self,
        client: &Client,
        person: &Person,
        asks: Asks,
        asked: (BackchannelAuthenticationRequest, &RequestDetail),
        token: Option<&ClientNotificationToken>,
        invocation: &Invocation,
    ) -> Result<Started, Refusal<Error>> {
        let keys = self.keys.get(invocation.now).await?;
        let flow = Backchannel {
            table: &self.table,
            notifier: &self.notifier,
            keys: &keys,
            keeper: Keeper {
                keys: &self.keys,
                witness: self.witness.as_ref(),
                retention: self.requests.evidence_retention,
            },
            requests: &self.requests,
            messages: &self.messages,
        };
        flow.start(client, person, asks, asked, token, invocation).await.map_err(|error| match error {
            NotStarted::UserCodesLocked => {
                Refusal::because(Error::InvalidUserCode, "too many wrong codes came in between")
            }
            NotStarted::LimitReached => Refusal::because(Error::AccessDenied, LIMIT_REACHED),
            NotStarted::Unreachable(why) => Refusal::because(Error::AccessDenied, why),
            NotStarted::Contended => Refusal::unavailable(CONTENDED),
            NotStarted::Unavailable(why) => Refusal::unavailable(why),
            NotStarted::Keys(error) => error.into(),
            NotStarted::NotKept(error) => Refusal::unavailable(error.detail()),
            NotStarted::Store(error) => error.into(),
        })
    }
}

impl Endpoint for BackchannelAuthentication {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        if request.uri().path() == routes::CANCELLATION {
            return match cancel::cancel(self, request, invocation).await {
                Ok(()) => respond::done(),
                Err(refusal) => respond::refusal(&refusal),
            };
        }
        match self.acknowledge(request, invocation).await {
            Ok(acknowledgement) => respond::ok(&acknowledgement),
            Err(refusal) => respond::refusal(&refusal),
        }
    }
}

/// Without hint issuers there is nothing to fetch, and a starting function does not pay for an HTTP client.
fn hint_tokens(
    environment: &Environment,
    issuer: &Issuer,
    login_issuers: &LoginIssuers,
    table: &Table,
) -> Result<Option<HintTokens>, ConfigError> {
    let issuers = HintIssuers::read(environment, issuer, login_issuers)?;
    if issuers.is_empty() {
        return Ok(None);
    }
    let fetcher = Fetcher::new(issuer.is_local()).map_err(|error| ConfigError::of("outbound", &error.0))?;
    Ok(Some(HintTokens { issuers, jwks: JwksCache::new(fetcher, table.clone()) }))
}

/// Under FAPI the person can always tell what is approved (`FCIBA-02`).
fn check_context(client: &Client, asked: &BackchannelAuthenticationRequest) -> Result<(), Error> {
    let is_told_apart = asked.binding_message.is_some() || !asked.authorization_details.is_empty();
    match client.profile == Profile::Plain || is_told_apart {
        true => Ok(()),
        false => {
            Err(Error::InvalidRequest("the client has to send binding_message or authorization_details"))
        }
    }
}

fn may_ask(client: &Client) -> Result<(), Error> {
    match client.may_ask() {
        true => Ok(()),
        false => Err(Error::UnauthorizedClient),
    }
}

fn acknowledgement(started: Started) -> BackchannelAuthenticationResponse {
    let lifetime = started.request.lifetime;
    BackchannelAuthenticationResponse {
        auth_req_id: started.auth_req_id,
        expires_in: lifetime.expires_at.since(lifetime.created_at).as_secs(),
        interval: match started.request.mode {
            DeliveryMode::Poll | DeliveryMode::Ping => {
                Some(seconds_rounded_up(started.request.polling.interval))
            }
            DeliveryMode::Push => None,
        },
    }
}
