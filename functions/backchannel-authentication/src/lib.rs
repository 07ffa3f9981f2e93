//! The backchannel authentication endpoint (CIBA §7): a client asks to sign a person in.
//!
//! Steps 1, 2, 3 and 6 of CIBA §7.2 come first, because they need no person; then 4 and 5. docs/api.md lists every
//! check. No data about a person is read before the client is authenticated, and a refused request is neither
//! stored nor announced. This endpoint also serves the cancellation of requests.

mod cancel;

use ciba::aws::Aws;
use ciba::config::{
    ConfigError, Environment, HintIssuers, HintSettings, HookSettings, Issuer, LoginIssuers,
    NotificationSettings, NotifierSettings, RequestSettings, SmsSettings, WitnessSettings, resolver_rules,
};
use ciba::domain::base::authentication::Authentication;
use ciba::domain::base::profile::Profile;
use ciba::domain::base::time::seconds_rounded_up;
use ciba::domain::client::{Client, DeliveryMode};
use ciba::domain::details::authorization_details::RequestDetail;
use ciba::domain::person::passkey::Passkey;
use ciba::domain::person::resolver::Resolver;
use ciba::domain::request::notification::Messages;
use ciba::flows::asking::Asking;
use ciba::flows::asking::apply_policy::ApplyPolicy;
use ciba::flows::asking::check_user_code::check_user_code;
use ciba::flows::asking::describe_details::describe;
use ciba::flows::asking::find_person::{FindPerson, KnownElsewhere};
use ciba::flows::asking::fit_tokens::{LAST, fits};
use ciba::flows::asking::read_request;
use ciba::flows::asking::resolve_hint::{HintTokens, ResolveHint};
use ciba::flows::asking::start_authentication::{StartAuthentication, Started};
use ciba::flows::deciding::keep_evidence::KeepEvidence;
use ciba::flows::resolve_person::ResolvePerson;
use ciba::flows::telling::tell_person::TellPerson;
use ciba::flows::{Invocation, log};
use ciba::http::client_authentication::ClientAuthenticator;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, form, respond};
use ciba::keys::{KeyRing, KeyRings, Kms, Witness};
use ciba::outbound::{Fetcher, JwksCache};
use ciba::protocol::backchannel_authentication::{
    BackchannelAuthenticationError as Error, BackchannelAuthenticationRequest,
    BackchannelAuthenticationResponse,
};
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::parameters::Parameters;
use ciba::protocol::request_object::SignedRequest;
use ciba::protocol::routes;
use ciba::store::{DetailTypes, Table};
use ciba::verify::witness::Purpose;

/// 6144 bytes fit into the headers of a request; 4182 bytes are the most that KMS signs with EdDSA.
const TOO_LONG: &str =
    "the access token would exceed 6144 bytes, or 4182 if signed with EdDSA; request less at once";

pub struct BackchannelAuthentication {
    issuer: Issuer,
    requests: RequestSettings,
    messages: Messages,
    hints: HintSettings,
    hint_tokens: Option<HintTokens>,
    login_issuers: LoginIssuers,
    /// The operator's resolver, if there is one, and the rules for what it says.
    resolver: Option<ResolvePerson>,
    resolver_rules: Resolver,
    /// The operator's policy, if there is one.
    policy: Option<ApplyPolicy>,
    /// The largest authentication claims that a login can put into tokens.
    fullest_logins: Vec<Authentication>,
    table: Table,
    clients: ClientAuthenticator,
    detail_types: DetailTypes,
    keys: KeyRings,
    /// Signs the evidence kept of a signed request. `None` if evidence is not signed.
    witness: Option<Witness>,
    /// SNS, and the operator's notifier, if there is one.
    tell: TellPerson,
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
            resolver: HookSettings::user_resolver(environment, &issuer)?
                .map(|settings| ResolvePerson::connect(&aws, settings)),
            policy: HookSettings::request_policy(environment, &issuer)?
                .map(|settings| ApplyPolicy::connect(&aws, settings)),
            resolver_rules: resolver_rules(environment, &issuer, &login_issuers)?,
            login_issuers,
            clients: ClientAuthenticator::read(environment, &issuer, table.clone())?,
            detail_types: DetailTypes::new(table.clone()),
            keys: KeyRings::new(table.clone(), kms),
            tell: TellPerson::connect(
                &aws,
                SmsSettings::read(environment)?,
                NotifierSettings::read(environment, &issuer)?,
            ),
            table,
            issuer,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    /// Without keys the function still starts, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// CIBA §7.2, check by check.
    async fn acknowledge(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<BackchannelAuthenticationResponse, Refusal<Error>> {
        let form = form::read(request)?;
        let client = self.clients.authenticate(request, &form, invocation).await?;
        may_ask(&client)?;
        let asked = self.read(form, &client, invocation).await?;
        check_scope(&client, &asked)?;
        check_context(&client, &asked)?;
        self.check_further(&asked)?;
        self.check_target(&client, &asked)?;
        let detail = describe(&self.detail_types, &client, &asked, &self.issuer, invocation.now).await?;
        self.check_length(&client, &asked)?;
        let (found, asks) = self.hints().resolve(&client, &asked, invocation).await?;
        self.use_up(asked.signed.as_ref(), invocation).await?;
        let asking = Asking {
            client: &client,
            person: &found.person,
            described: found.described(),
            asked: &asked,
            detail: &detail,
        };
        let asks = check_user_code(&self.table, asking, asks, &self.requests.limits, invocation).await?;
        let detail = self.apply_policy(asking, invocation).await?;
        let asking = Asking { detail: &detail, ..asking };
        let keys = self.keys.get(invocation.now).await?;
        let started = self.backchannel(&keys).start(asking, asks, invocation).await?;
        log::started(&started, invocation.now);
        Ok(acknowledgement(started))
    }

    /// Steps 2, 3 and 6: verifies a signed request (step 2), and parses the parameters (steps 3 and 6), which are
    /// read in the same way whether or not they were signed.
    async fn read(
        &self,
        form: Parameters,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<BackchannelAuthenticationRequest, Refusal<Error>> {
        let (keys, issuer) = (self.clients.keys(), self.issuer.as_str());
        let (form, signed) = read_request::read(form, client, keys, issuer, invocation).await?;
        let asked = BackchannelAuthenticationRequest::parse(&form, client)?;
        Ok(BackchannelAuthenticationRequest { signed, ..asked })
    }

    /// A signed request can be used only once, which prevents replay (CIBA §7.1.1). Its use is recorded as late as
    /// possible, so that a request with an unknown person or an unresolvable hint can be retried, but before any
    /// write that is not itself such a record.
    async fn use_up(
        &self,
        signed: Option<&SignedRequest>,
        invocation: &Invocation,
    ) -> Result<(), Refusal<Error>> {
        let Some(SignedRequest { guard, .. }) = signed else { return Ok(()) };
        if self.table.insert_replay_guard(guard, invocation.now, &invocation.write_id).await? {
            Ok(())
        } else {
            Err(Common::InvalidRequest("the signed request was already used").into())
        }
    }

    /// Checks that the policy, if there is one, will get all parameters that are unknown here.
    fn check_further(&self, asked: &BackchannelAuthenticationRequest) -> Result<(), Error> {
        if self.policy.is_none() || asked.further.fit() {
            Ok(())
        } else {
            Err(Common::InvalidRequest(
                "the parameters that the provider does not know are longer than 4 KiB",
            )
            .into())
        }
    }

    /// Checks that the client is registered for these resources, and that the scope has no value of another
    /// resource (RFC 8707 §2).
    fn check_target(
        &self,
        client: &Client,
        asked: &BackchannelAuthenticationRequest,
    ) -> Result<(), Refusal<Error>> {
        let target = client
            .target(&asked.resources, self.issuer.as_str())
            .ok_or(Error::InvalidTarget("the client is not registered for this resource or audience"))?;
        match target.first_foreign(&asked.scope, client) {
            None => Ok(()),
            foreign => {
                let why =
                    Error::InvalidScope("scope has a value of a resource that the request does not name");
                Err(Refusal::new(why).naming(foreign))
            }
        }
    }

    /// Checks that the access token will fit into the headers of an HTTP request, whose size the gateway limits.
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

    /// The detail of the request, with what the policy, if there is one, says for the later hooks.
    async fn apply_policy(
        &self,
        asking: Asking<'_>,
        invocation: &Invocation,
    ) -> Result<RequestDetail, Refusal<Error>> {
        let detail = asking.detail.clone();
        match &self.policy {
            Some(policy) => Ok(detail.with_properties(policy.apply(asking, invocation).await?)),
            None => Ok(detail),
        }
    }

    /// Steps 4 and 5: resolves the hint to a person who can be asked.
    fn hints(&self) -> ResolveHint<'_> {
        ResolveHint {
            table: &self.table,
            people: FindPerson {
                table: &self.table,
                resolver: self
                    .resolver
                    .as_ref()
                    .map(|resolve| KnownElsewhere { resolve, rules: &self.resolver_rules }),
            },
            keys: &self.keys,
            issuer: &self.issuer,
            login_issuers: &self.login_issuers,
            settings: self.hints,
            hint_tokens: self.hint_tokens.as_ref(),
        }
    }

    fn backchannel<'a>(&'a self, keys: &'a KeyRing) -> StartAuthentication<'a> {
        StartAuthentication {
            table: &self.table,
            tell: &self.tell,
            keys,
            keeper: KeepEvidence {
                keys: &self.keys,
                witness: self.witness.as_ref(),
                retention: self.requests.evidence_retention,
            },
            requests: &self.requests,
            messages: &self.messages,
        }
    }
}

impl Endpoint for BackchannelAuthentication {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        if request.uri().path() == routes::CANCELLATION {
            return match cancel::cancel(self, request, invocation).await {
                Ok(()) => respond::done(),
                Err(refusal) => respond::refusal(&refusal, invocation),
            };
        }
        match self.acknowledge(request, invocation).await {
            Ok(acknowledgement) => respond::ok(&acknowledgement),
            Err(refusal) => respond::refusal(&refusal, invocation),
        }
    }
}

/// Without hint issuers there is nothing to fetch, so startup does not pay for an HTTP client.
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

/// The client must be registered for each scope value.
fn check_scope(client: &Client, asked: &BackchannelAuthenticationRequest) -> Result<(), Refusal<Error>> {
    let Some(value) = asked.scope.first_beyond(&client.scope) else { return Ok(()) };
    let why = Error::InvalidScope("scope has a value that the client is not registered for");
    Err(Refusal::new(why).naming(Some(value)))
}

/// The person must be able to tell what is being approved. A client that is registered with
/// `require_binding_message` must send one. Under FAPI-CIBA every request must have `authorization_details` or a
/// binding message (FAPI-CIBA §5.2.2).
fn check_context(client: &Client, asked: &BackchannelAuthenticationRequest) -> Result<(), Error> {
    if asked.binding_message.is_some() {
        return Ok(());
    }
    if client.requires_binding_message {
        return Err(Common::InvalidRequest("the client must send binding_message").into());
    }
    if client.profile == Profile::Plain || !asked.authorization_details.is_empty() {
        Ok(())
    } else {
        Err(Common::InvalidRequest("the client must send binding_message or authorization_details").into())
    }
}

fn may_ask(client: &Client) -> Result<(), Error> {
    if client.may_ask() { Ok(()) } else { Err(Error::UnauthorizedClient) }
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
