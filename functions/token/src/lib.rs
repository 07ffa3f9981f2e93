//! The token endpoint (CIBA §10.1, §11; RFC 6749 §6): a client polls, redeems an approved request once, and
//! refreshes tokens.

use ciba::aws::Aws;
use ciba::config::{ConfigError, DpopSettings, Environment, HookSettings, Issuer, MtlsHost, TokenSettings};
use ciba::domain::base::confirmation::Confirmation;
use ciba::domain::client::{Client, DeliveryMode};
use ciba::domain::token::dpop::{Call, DpopProof};
use ciba::flows::resolve_person::ResolvePerson;
use ciba::flows::tokens::issue_tokens::{IssueTokens, NotIssued};
use ciba::flows::tokens::poll::{PollOutcome, poll};
use ciba::flows::tokens::prove_possession::ProvePossession;
use ciba::flows::tokens::redeem::{self, Redeem};
use ciba::flows::tokens::refresh::{self, Refresh};
use ciba::flows::{Invocation, log};
use ciba::http::client_authentication::ClientAuthenticator;
use ciba::http::form::Written;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, dpop, form, respond};
use ciba::keys::{HandleUse, KeyRing, KeyRings, Kms, OpenError};
use ciba::protocol::dpop::ProofError;
use ciba::protocol::error::Refusal;
use ciba::protocol::routes;
use ciba::protocol::token::{self, PresentedGrant, TokenError as Error, TokenRequest, TokenResponse};
use ciba::store::Table;

pub struct Token {
    issuer: Issuer,
    settings: TokenSettings,
    dpop: DpopSettings,
    /// The URLs of this endpoint, one for each host.
    urls: Vec<String>,
    table: Table,
    clients: ClientAuthenticator,
    keys: KeyRings,
    /// Asked before a refresh whether the person is still active.
    resolver: Option<ResolvePerson>,
}

impl Token {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let (issuer, mtls) = (Issuer::read(environment)?, MtlsHost::read(environment)?);
        Ok(Self {
            urls: [issuer.at(routes::TOKEN)]
                .into_iter()
                .chain(mtls.map(|host| host.at(routes::TOKEN)))
                .collect(),
            settings: TokenSettings::read(environment)?,
            dpop: DpopSettings::read(environment)?,
            clients: ClientAuthenticator::read(environment, &issuer, table.clone())?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            resolver: HookSettings::user_resolver(environment, &issuer)?
                .map(|settings| ResolvePerson::connect(&aws, settings)),
            table,
            issuer,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    /// Without keys the function still starts, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Authenticates the client, determines what its tokens can be bound to, and exchanges what it presents for
    /// tokens.
    async fn tokens(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let (form, written) = form::read_or_json(request)?;
        let client = self.clients.authenticate(request, &form, invocation).await?;
        // RFC 6749 §3.2 allows only forms, so a JSON body is for clients that are registered for it.
        if written == Written::Json && !client.sends_json {
            return Err(form::NOT_A_FORM.into());
        }
        let TokenRequest { grant, resources } = token::parse(&form)?;
        may_use(&client, &grant)?;
        let shown = self.shown(request, &client, invocation).await?;
        match grant {
            PresentedGrant::AuthReqId(auth_req_id) => {
                let confirmation = shown.confirmation;
                let presented = redeem::PresentedHandle {
                    client: &client.id,
                    auth_req_id: &auth_req_id,
                    resources: &resources,
                    confirmation,
                };
                self.poll(&client, &presented, &shown, invocation).await
            }
            PresentedGrant::RefreshToken { token, scope } => {
                let (grant, counter) = self.open(|keys| keys.open_refresh_token(token), invocation).await?;
                self.use_up(&shown, &client, invocation).await?;
                let presented = refresh::PresentedRefreshToken {
                    token,
                    grant,
                    counter,
                    scope: scope.as_ref(),
                    resources: &resources,
                    confirmation: shown.confirmation,
                };
                self.refresh(&client, &presented, invocation).await
            }
        }
    }

    /// The certificate and key that the client proves to possess. The check uses nothing up, and comes before the
    /// poll is counted: a client that first has to fetch a nonce has not polled (RFC 9449 §8).
    async fn shown(
        &self,
        request: &Request,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<Shown, Refusal<Error>> {
        let proof = match dpop::presented(request).map_err(ProofError::Invalid)? {
            Some(text) => {
                let call = Call { method: "POST", urls: &self.urls, access_token: None };
                Some(self.possession().check(text, &call, invocation).await?)
            }
            None => None,
        };
        let certificate = self.clients.certificate(request, invocation)?;
        let certificate = certificate.filter(|_| client.binds_to_certificate(proof.is_some()));
        let confirmation = Confirmation {
            certificate: certificate.map(|certificate| certificate.thumbprint()),
            key: proof.as_ref().map(|proof| proof.key),
        };
        if !confirmation.satisfies(client.sender_constraint) {
            return Err(NotIssued::Unbound.into());
        }
        Ok(Shown { confirmation, proof })
    }

    /// Uses up the proof, which can be used only once. Everything that can be checked without a write has been
    /// checked before.
    async fn use_up(
        &self,
        shown: &Shown,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<(), Refusal<Error>> {
        match &shown.proof {
            Some(proof) => Ok(self.possession().use_up(proof, client, invocation).await?),
            None => Ok(()),
        }
    }

    fn possession(&self) -> ProvePossession<'_> {
        ProvePossession { table: &self.table, keys: &self.keys, settings: &self.dpop }
    }

    /// Finds the request, checks its owner and its decision, and issues tokens.
    async fn poll(
        &self,
        client: &Client,
        presented: &redeem::PresentedHandle<'_>,
        shown: &Shown,
        invocation: &Invocation,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let open = |keys: &KeyRing| keys.open_handle(HandleUse::AuthReqId, presented.auth_req_id.as_str());
        let key = self.open(open, invocation).await?;
        self.use_up(shown, client, invocation).await?;
        let approved = match poll(&self.table, &key, &client.id, invocation).await? {
            PollOutcome::Approved(request) => request,
            PollOutcome::Pending { retry_after } => {
                return Err(Refusal::new(Error::AuthorizationPending).retry_after(retry_after));
            }
            PollOutcome::SlowDown { retry_after } => {
                return Err(Refusal::new(Error::SlowDown).retry_after(retry_after));
            }
            PollOutcome::Expired => return Err(Error::ExpiredToken.into()),
            PollOutcome::Refused => return Err(Error::AccessDenied.into()),
            PollOutcome::Invalid => return Err(Error::InvalidGrant.into()),
        };
        let flow = Redeem { table: &self.table, issuing: self.issuing(invocation) };
        let tokens = flow.redeem(&approved, presented).await?;
        log::step("redeemed", &key, invocation.now);
        Ok(tokens)
    }

    /// Finds the grant, checks its owner and that the token is valid, and issues tokens.
    async fn refresh(
        &self,
        client: &Client,
        presented: &refresh::PresentedRefreshToken<'_>,
        invocation: &Invocation,
    ) -> Result<TokenResponse, Refusal<Error>> {
        let flow = Refresh {
            table: &self.table,
            resolver: self.resolver.as_ref(),
            issuing: self.issuing(invocation),
        };
        let tokens = flow.refresh(&client.id, presented).await?;
        log::step("refreshed", &presented.grant, invocation.now);
        Ok(tokens)
    }

    /// Opens a handle or token. A forged one costs no database call.
    async fn open<T>(
        &self,
        open: impl Fn(&KeyRing) -> Result<T, OpenError>,
        invocation: &Invocation,
    ) -> Result<T, Refusal<Error>> {
        self.keys.open(open, invocation.now).await?.map_err(|error| match error {
            OpenError::UnknownVersion => Refusal::because(Error::InvalidGrant, "unknown key version"),
            OpenError::Forged => Refusal::because(Error::InvalidGrant, "not issued here for this use"),
        })
    }

    fn issuing<'a>(&'a self, invocation: &'a Invocation) -> IssueTokens<'a> {
        IssueTokens { keys: &self.keys, issuer: &self.issuer, settings: &self.settings, invocation }
    }
}

impl Endpoint for Token {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let response = match self.tokens(request, invocation).await {
            Ok(tokens) => respond::ok(&tokens),
            Err(refusal) => respond::refusal(&refusal, invocation),
        };
        dpop::with_nonce(request, response, &self.keys, invocation.now).await
    }
}

/// The certificate and key that a client proves to possess, so that its access token can be bound to them.
struct Shown {
    confirmation: Confirmation,
    proof: Option<DpopProof>,
}

fn may_use(client: &Client, grant: &PresentedGrant<'_>) -> Result<(), Error> {
    match grant {
        PresentedGrant::AuthReqId(_) => may_poll(client),
        PresentedGrant::RefreshToken { .. } => may_refresh(client),
    }
}

/// Push clients receive their tokens at their notification endpoint, and cannot redeem anything here (CIBA §5).
fn may_poll(client: &Client) -> Result<(), Error> {
    match client.delivery.mode() {
        DeliveryMode::Poll | DeliveryMode::Ping if client.may_use_ciba => Ok(()),
        DeliveryMode::Poll | DeliveryMode::Ping | DeliveryMode::Push => Err(Error::UnauthorizedClient),
    }
}

fn may_refresh(client: &Client) -> Result<(), Error> {
    if client.may_refresh { Ok(()) } else { Err(Error::UnauthorizedClient) }
}
