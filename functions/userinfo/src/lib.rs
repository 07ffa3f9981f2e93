//! The userinfo endpoint (OIDC Core §5.3): returns the claims about a person that an access token with the scope
//! `openid` covers.

use ciba::aws::Aws;
use ciba::config::{ConfigError, DpopSettings, Environment, Issuer, MtlsHost};
use ciba::domain::base::confirmation::Confirmation;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::scope::Scope;
use ciba::domain::person::person_claims;
use ciba::domain::token::access_token::AccessToken;
use ciba::domain::token::dpop::{Call, DpopProof};
use ciba::flows::Invocation;
use ciba::flows::tokens::check_token::{OpenedAccessToken, live_grant, open_access_token};
use ciba::flows::tokens::prove_possession::ProvePossession;
use ciba::http::serve::Endpoint;
use ciba::http::{
    Body, Request, Response, access_token, bearer, client_certificate, dpop, interaction, respond,
};
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::access_token::Scheme;
use ciba::protocol::dpop::ProofError;
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::routes;
use ciba::protocol::userinfo::{METHODS, UserinfoError as Error};
use ciba::store::Table;
use serde_json::{Map, Value};

pub struct Userinfo {
    issuer: Issuer,
    dpop: DpopSettings,
    mtls: Option<MtlsHost>,
    /// The URLs of this endpoint, one for each host.
    urls: Vec<String>,
    table: Table,
    keys: KeyRings,
}

impl Userinfo {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let (issuer, mtls) = (Issuer::read(environment)?, MtlsHost::read(environment)?);
        Ok(Self {
            urls: [issuer.at(routes::USERINFO)]
                .into_iter()
                .chain(mtls.as_ref().map(|host| host.at(routes::USERINFO)))
                .collect(),
            dpop: DpopSettings::read(environment)?,
            issuer,
            mtls,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    /// Without keys the function still starts, and answers 503.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Reads the access token; checks its signature, expiry, audience, binding, the scope `openid` and that its
    /// grant is live; uses up the proof; and returns the person's claims.
    async fn claims(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<Map<String, Value>, Refusal<Error>> {
        if !matches!(request.method().as_str(), "GET" | "HEAD" | "POST") {
            return Err(Common::MethodNotAllowed(METHODS).into());
        }
        if bearer::is_in_query(request) {
            return Err(Common::InvalidRequest("a token in the query is not accepted").into());
        }
        let presented = access_token::presented(request).map_err(Common::InvalidRequest)?;
        let (scheme, text) = presented.ok_or(Error::TokenMissing)?;
        let (token, grant) = self.token(scheme, text, invocation).await?;
        // RFC 9068 §4: an API cannot use a token that was issued for that API to learn more about the person
        // here.
        if !token.audience.iter().any(|audience| audience == self.issuer.as_str()) {
            return Err(invalid(scheme, "the access token is for another audience"));
        }
        let proof = self.proof(request, scheme, text, &token.confirmation, invocation).await?;
        if !token.scope.contains(Scope::OPENID) {
            return Err(Error::InsufficientScope(scheme).into());
        }
        let live = live_grant(&self.table, &grant, &token.client, invocation.now).await?;
        let live = live.ok_or_else(|| invalid(scheme, "the grant is no longer live"))?;
        // A key that was withdrawn in the meantime no longer vouches for the token.
        if self.keys.learn(&live.withdrawn, invocation.now).await? {
            self.token(scheme, text, invocation).await?;
        }
        if let Some(proof) = &proof {
            self.possession().use_up(proof, &live.client, invocation).await?;
        }
        let mut claims = person_claims::covered(&live.person.claims, &token.scope);
        // The same `sub` as in the ID token. The response always contains it (OIDC Core §5.3.2).
        let keys = self.keys.get(invocation.now).await?;
        claims.insert("sub".to_owned(), keys.subject(&live.client.subject_type, &live.person)?.into());
        Ok(claims)
    }

    /// Checks the caller's possession of what the token is bound to, and returns the DPoP proof, if there is one.
    /// A bound token is accepted only with proof of everything it is bound to, key and certificate, and never as
    /// a `Bearer` token (RFC 9449 §7, RFC 8705 §3).
    async fn proof(
        &self,
        request: &Request,
        scheme: Scheme,
        text: &str,
        bound: &Confirmation,
        invocation: &Invocation,
    ) -> Result<Option<DpopProof>, Refusal<Error>> {
        let proof = match scheme {
            Scheme::Bearer => None,
            Scheme::Dpop if bound.key.is_none() => {
                return Err(invalid(scheme, "the access token is not bound to a key"));
            }
            Scheme::Dpop => {
                let proof = dpop::presented(request).map_err(ProofError::Invalid)?;
                let proof = proof.ok_or(ProofError::Invalid("the DPoP header is missing"))?;
                let method = request.method().as_str();
                let call = Call { method, urls: &self.urls, access_token: Some(text) };
                Some(self.possession().check(proof, &call, invocation).await?)
            }
        };
        // RFC 8705 §3. No certificate is read for a token that is not bound to one.
        let certificate = match bound.certificate {
            Some(_) => client_certificate::presented(request, self.mtls.as_ref(), invocation.now)
                .map_err(|error| invalid(scheme, error.0))?,
            None => None,
        };
        let shown = Confirmation {
            certificate: certificate.map(|certificate| certificate.thumbprint()),
            key: proof.as_ref().map(|proof| proof.key),
        };
        if bound.is_shown_by(&shown) {
            Ok(proof)
        } else {
            Err(invalid(scheme, "the key or certificate that the access token is bound to was not presented"))
        }
    }

    fn possession(&self) -> ProvePossession<'_> {
        ProvePossession { table: &self.table, keys: &self.keys, settings: &self.dpop }
    }

    async fn token(
        &self,
        scheme: Scheme,
        text: &str,
        invocation: &Invocation,
    ) -> Result<(AccessToken, RequestKey), Refusal<Error>> {
        let opened = open_access_token(&self.keys, &self.issuer, text, invocation.now).await?;
        let OpenedAccessToken { token, grant } =
            opened.ok_or_else(|| invalid(scheme, "not an access token of this provider"))?;
        if token.has_expired(invocation.now) {
            Err(invalid(scheme, "the access token has expired"))
        } else {
            Ok((token, grant))
        }
    }
}

fn invalid(scheme: Scheme, why: &str) -> Refusal<Error> {
    Refusal::because(Error::InvalidToken(scheme), why)
}

impl Endpoint for Userinfo {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let response = match request.method().as_str() {
            "OPTIONS" => respond::preflight(METHODS),
            _ => match self.claims(request, invocation).await {
                Ok(claims) => respond::readable_by_pages(respond::ok(&claims)),
                Err(refusal) => respond::readable_by_pages(respond::refusal(&refusal, invocation)),
            },
        };
        let response = dpop::with_nonce(request, response, &self.keys, invocation.now).await;
        interaction::answered(request, response, invocation)
    }
}
