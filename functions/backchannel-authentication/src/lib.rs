//! The backchannel authentication endpoint (CIBA §7): a client asks to sign a person in.
//!
//! The order is that of CIBA §7.2. Nothing about a person is looked at before the client is authenticated, and
//! after any refusal there is no request and no message.

use ciba::aws::Aws;
use ciba::config::{
    ConfigError, Environment, Issuer, LoginIssuers, NotificationSettings, RequestSettings, SmsSettings,
};
use ciba::domain::asks::Asks;
use ciba::domain::client::Client;
use ciba::domain::hint::{self, HintError};
use ciba::domain::person::Person;
use ciba::domain::time::seconds_rounded_up;
use ciba::flows::start_authentication::{Backchannel, NotStarted, Started};
use ciba::flows::{Invocation, resolve_hint};
use ciba::http::client_authentication::authenticated;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{KeyRings, Kms};
use ciba::notify::Notifier;
use ciba::protocol::backchannel_authentication::{
    BackchannelAuthenticationError as Error, BackchannelAuthenticationRequest,
    BackchannelAuthenticationResponse,
};
use ciba::protocol::error::Refusal;
use ciba::store::{ClientDirectory, Table};

pub struct BackchannelAuthentication {
    issuer: Issuer,
    requests: RequestSettings,
    notifications: NotificationSettings,
    login_issuers: LoginIssuers,
    table: Table,
    clients: ClientDirectory,
    keys: KeyRings,
    notifier: Notifier,
}

impl BackchannelAuthentication {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        Ok(Self {
            requests: RequestSettings::read(environment)?,
            notifications: NotificationSettings::read(environment, &issuer)?,
            login_issuers: LoginIssuers::read(environment, &issuer)?,
            clients: ClientDirectory::new(table.clone()),
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
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
        let client = authenticated(&self.clients, request, &form, invocation.now).await?;
        may_use_ciba(&client)?;
        let asked = BackchannelAuthenticationRequest::parse(&form)?;
        if !asked.scope.is_subset_of(&client.scope) {
            return Err(Error::InvalidScope("scope has values that the client is not registered for").into());
        }
        let (person, asks) = self.person(&asked.login_hint).await?;
        let started = self.start(&client, &person, asks, asked, invocation).await?;
        for channel in &started.unreachable {
            respond::log_unreachable(&started.request.key, channel.channel, &channel.why);
        }
        respond::log_step("requested", &started.request.key);
        Ok(acknowledgement(started))
    }

    /// Steps 4 and 5: the hint becomes a person who can be asked.
    async fn person(&self, login_hint: &str) -> Result<(Person, Asks), Refusal<Error>> {
        let hint = hint::parse(login_hint, self.issuer.as_str(), self.login_issuers.iter());
        let hint = hint.map_err(|error| match error {
            HintError::Malformed(why) => Error::InvalidRequest(why),
            HintError::NamesNobody => Error::UnknownUserId,
        })?;
        let found = resolve_hint::resolve(&self.table, &hint).await?;
        Ok(found.ok_or(Error::UnknownUserId)?)
    }

    async fn start(
        &self,
        client: &Client,
        person: &Person,
        asks: Asks,
        asked: BackchannelAuthenticationRequest,
        invocation: &Invocation,
    ) -> Result<Started, Refusal<Error>> {
        let keys = self.keys.get(invocation.now).await?;
        let flow = Backchannel {
            table: &self.table,
            notifier: &self.notifier,
            keys: &keys,
            requests: &self.requests,
            notifications: &self.notifications,
        };
        flow.start(client, person, asks, asked, invocation).await.map_err(|error| match error {
            NotStarted::LimitReached => {
                Refusal::because(Error::AccessDenied, "the person was asked too often")
            }
            NotStarted::Unreachable(why) => Refusal::because(Error::AccessDenied, why),
            NotStarted::Contended => Refusal::unavailable("too many requests for one person at one moment"),
            NotStarted::Unavailable(why) => Refusal::unavailable(why),
            NotStarted::Keys(error) => error.into(),
            NotStarted::Store(error) => error.into(),
        })
    }
}

impl Endpoint for BackchannelAuthentication {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match self.acknowledge(request, invocation).await {
            Ok(acknowledgement) => respond::ok(&acknowledgement),
            Err(refusal) => respond::refusal(&refusal),
        }
    }
}

fn may_use_ciba(client: &Client) -> Result<(), Error> {
    match client.may_use_ciba && client.delivery_mode.is_supported() {
        true => Ok(()),
        false => Err(Error::UnauthorizedClient),
    }
}

fn acknowledgement(started: Started) -> BackchannelAuthenticationResponse {
    let lifetime = started.request.lifetime;
    BackchannelAuthenticationResponse {
        auth_req_id: started.auth_req_id,
        expires_in: lifetime.expires_at.since(lifetime.created_at).as_secs(),
        interval: seconds_rounded_up(started.request.polling.interval),
    }
}
