//! The userinfo endpoint (OIDC Core §5.3): what an access token with the scope `openid` tells of its person.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer, MtlsHost};
use ciba::domain::access_token::AccessToken;
use ciba::domain::person_claims;
use ciba::domain::request_key::RequestKey;
use ciba::domain::scope::Scope;
use ciba::flows::Invocation;
use ciba::flows::check_token::{OpenedAccessToken, live_grant, open_access_token};
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, bearer, client_certificate, respond};
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::error::Refusal;
use ciba::protocol::userinfo::{METHODS, UserinfoError as Error};
use ciba::store::Table;
use serde_json::{Map, Value};

pub struct Userinfo {
    issuer: Issuer,
    mtls: Option<MtlsHost>,
    table: Table,
    keys: KeyRings,
}

impl Userinfo {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        Ok(Self {
            issuer: Issuer::read(environment)?,
            mtls: MtlsHost::read(environment)?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
        })
    }

    /// Opens the first connections and the keys, while Lambda gives a starting function its full speed.
    /// Without keys the function starts all the same, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Read the token → signed by us → in time → shown by whom it is bound to → for this endpoint → its grant stands → the person's claims.
    async fn claims(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<Map<String, Value>, Refusal<Error>> {
        if !matches!(request.method().as_str(), "GET" | "POST") {
            return Err(Error::MethodNotAllowed.into());
        }
        if bearer::is_in_query(request) {
            return Err(Error::InvalidRequest("a token in the query is not taken").into());
        }
        let text = bearer::token(request).ok_or(Error::TokenMissing)?;
        let (token, grant) = self.token(text, invocation).await?;
        self.check_certificate(request, &token, invocation)?;
        if !token.scope.contains(Scope::OPENID) {
            return Err(Error::InsufficientScope.into());
        }
        let live = live_grant(&self.table, &grant, &token.client, invocation.now).await?;
        let live =
            live.ok_or_else(|| Refusal::because(Error::InvalidToken, "the grant does not stand any more"))?;
        // By a key that was withdrawn meanwhile it is not signed any more.
        if self.keys.learn(&live.withdrawn, invocation.now).await? {
            self.token(text, invocation).await?;
        }
        let mut claims = person_claims::covered(&live.person.claims, &token.scope);
        // `TOK-10-02`: as in the ID token.
        let keys = self.keys.get(invocation.now).await?;
        claims.insert("sub".to_owned(), keys.subject(&live.client.subject_type, &live.person)?.into());
        Ok(claims)
    }

    /// A token that is bound to a certificate counts where that one is shown (RFC 8705 §3, `TOK-5-03`).
    fn check_certificate(
        &self,
        request: &Request,
        token: &AccessToken,
        invocation: &Invocation,
    ) -> Result<(), Refusal<Error>> {
        let Some(bound) = token.confirmation.certificate else { return Ok(()) };
        let shown = client_certificate::presented(request, self.mtls.as_ref(), invocation.now)
            .map_err(|error| Refusal::because(Error::InvalidToken, error.0))?;
        match shown.is_some_and(|certificate| certificate.thumbprint() == bound) {
            true => Ok(()),
            false => {
                Err(Refusal::because(Error::InvalidToken, "not the certificate that the token is bound to"))
            }
        }
    }

    async fn token(
        &self,
        text: &str,
        invocation: &Invocation,
    ) -> Result<(AccessToken, RequestKey), Refusal<Error>> {
        let invalid = |why: &str| Refusal::because(Error::InvalidToken, why);
        let opened = open_access_token(&self.keys, &self.issuer, text, invocation.now).await?;
        let OpenedAccessToken { token, grant } = opened.ok_or_else(|| invalid("no access token of ours"))?;
        match token.has_expired(invocation.now) {
            true => Err(invalid("the access token has expired")),
            false => Ok((token, grant)),
        }
    }
}

impl Endpoint for Userinfo {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        if request.method() == "OPTIONS" {
            return respond::preflight(METHODS);
        }
        let response = match self.claims(request, invocation).await {
            Ok(claims) => respond::ok(&claims),
            Err(refusal) => respond::refusal(&refusal),
        };
        respond::readable_by_pages(response)
    }
}
