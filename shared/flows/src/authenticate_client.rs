//! Client authentication (CIBA §7.2 step 1, RFC 6749 §2.3): checks the credential that the request presents.

use std::time::Duration;

use crate::Invocation;
use ciba_aws::outbound::{ClientKeySets, NotVerified};
use ciba_aws::store::{ClientDirectory, StoreError, Table};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::replay::ReplayGuard;
use ciba_core::domain::base::secret::{Secret, SecretHash};
use ciba_core::domain::client::client_assertion::{self, AssertionRules};
use ciba_core::domain::client::client_authentication::{AuthenticationMethod, ClientAuthentication};
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::verify::certificate::Certificate;
use ciba_core::verify::certificate_authority::AuthorityKey;
use ciba_core::verify::jws::UnverifiedJws;

/// The longest assertion. Unit: bytes.
const MAX_ASSERTION: usize = 8 * 1024;

/// The credential that a request presents.
#[derive(Clone, Debug)]
pub enum PresentedCredential {
    ClientSecretBasic(Secret),
    ClientSecretPost(Secret),
    /// A JWT that claims to be the client's; nothing in it is verified yet.
    Assertion(Secret),
    /// A certificate at the host for mutual TLS, with no other credential.
    Certificate(Box<Certificate>),
}

/// Why a client is not authenticated. The client gets the same answer in all but the last two cases; the reasons
/// are for the log.
#[derive(Debug)]
pub enum NotAuthenticated {
    Unknown,
    Disabled,
    /// A method that the client is not registered for, or an invalid credential.
    WrongCredential(&'static str),
    /// The client's keys cannot be fetched.
    Unavailable(String),
    Store(StoreError),
}

/// The dependencies of this flow.
pub struct AuthenticateClient<'a> {
    pub clients: &'a ClientDirectory,
    pub table: &'a Table,
    pub keys: &'a ClientKeySets,
    pub issuer: &'a str,
    /// The endpoint URLs that an assertion may name as its audience besides the issuer, if the client is
    /// registered for that.
    pub endpoints: &'a [String],
    /// The authorities whose certificates identify clients.
    pub authorities: &'a [AuthorityKey],
    /// How far in the future `exp` of an assertion may be.
    pub assertion_lifetime: Duration,
}

impl AuthenticateClient<'_> {
    /// 1. Find the client, in the function's cache if it is there.
    /// 2. Check that it is active and that its method and credential are valid.
    /// 3. If the check fails on a cached record, read the client again and check once more, because its secret or
    ///    keys may be new.
    /// 4. Use up a credential that is valid only once: the `jti` of an assertion is recorded after its signature
    ///    is verified (RFC 7523 §3), as the first write of the call.
    pub async fn authenticate(
        &self,
        id: &ClientId,
        credential: &PresentedCredential,
        invocation: &Invocation,
    ) -> Result<Client, NotAuthenticated> {
        let now = invocation.now;
        let was_cached = self.clients.knows(id, now);
        let known = self.clients.find(id, now).await.map_err(NotAuthenticated::Store)?;
        let (client, guard) = match self.check(known, credential, invocation).await {
            Err(_) if was_cached => {
                let fresh = self.clients.find_fresh(id, now).await.map_err(NotAuthenticated::Store)?;
                self.check(fresh, credential, invocation).await?
            }
            checked => checked?,
        };
        if let Some(guard) = guard {
            let inserted = self.table.insert_replay_guard(&guard, now, &invocation.write_id).await;
            if !inserted.map_err(NotAuthenticated::Store)? {
                return Err(NotAuthenticated::WrongCredential("the assertion was already used"));
            }
        }
        Ok(client)
    }

    /// Takes the same time for an unknown client as for a wrong secret, so that timing does not reveal which
    /// clients exist.
    async fn check(
        &self,
        client: Option<Client>,
        credential: &PresentedCredential,
        invocation: &Invocation,
    ) -> Result<(Client, Option<ReplayGuard>), NotAuthenticated> {
        let Some(client) = client else {
            if let PresentedCredential::ClientSecretBasic(secret)
            | PresentedCredential::ClientSecretPost(secret) = credential
            {
                let _ = SecretHash::OF_NOTHING.matches(secret);
            }
            return Err(NotAuthenticated::Unknown);
        };
        let by_secret = |by, secret| {
            if client.authentication.accepts(by, secret) {
                Ok(None)
            } else {
                Err(NotAuthenticated::WrongCredential("wrong method or secret"))
            }
        };
        let guard = match credential {
            PresentedCredential::ClientSecretBasic(secret) => {
                by_secret(AuthenticationMethod::ClientSecretBasic, secret)?
            }
            PresentedCredential::ClientSecretPost(secret) => {
                by_secret(AuthenticationMethod::ClientSecretPost, secret)?
            }
            PresentedCredential::Assertion(assertion) => {
                Some(self.verify(&client, assertion, invocation).await?)
            }
            PresentedCredential::Certificate(certificate) => {
                self.recognise(&client, certificate, invocation).await?;
                None
            }
        };
        if client.active { Ok((client, guard)) } else { Err(NotAuthenticated::Disabled) }
    }

    /// An assertion must be signed by one of this client's keys with one of its algorithms, and be addressed to
    /// this provider.
    async fn verify(
        &self,
        client: &Client,
        assertion: &Secret,
        invocation: &Invocation,
    ) -> Result<ReplayGuard, NotAuthenticated> {
        use NotAuthenticated::{Unavailable, WrongCredential};
        let (ClientAuthentication::PrivateKeyJwt { algorithm, audience }, Some(keys)) =
            (&client.authentication, &client.keys)
        else {
            return Err(WrongCredential("the client is not registered for private_key_jwt"));
        };
        if assertion.expose().len() > MAX_ASSERTION {
            return Err(WrongCredential("the assertion is longer than 8 KiB"));
        }
        let jws = UnverifiedJws::parse(assertion.expose()).map_err(|error| WrongCredential(error.why()))?;
        if jws.typ().is_some_and(|typ| typ != "jwt" && typ != client_assertion::TYP) {
            return Err(WrongCredential("the assertion has the wrong type"));
        }
        let offered = JwsAlgorithm::of_clients(client.profile).iter().copied();
        let algorithms: Vec<_> = offered.filter(|it| algorithm.is_none_or(|only| only == *it)).collect();
        let (now, write) = (invocation.now, &invocation.write_id);
        let verified = self.keys.verify(&jws, keys, &algorithms, now, write).await;
        let claims = verified.map_err(|error| match error {
            NotVerified::Invalid(why) => WrongCredential(why),
            NotVerified::Unavailable(why) => Unavailable(why),
        })?;
        let rules = AssertionRules {
            client: &client.id,
            issuer: self.issuer,
            endpoints: self.endpoints,
            audience: *audience,
            profile: client.profile,
            lifetime: self.assertion_lifetime,
        };
        rules.judge(&claims, now).map_err(WrongCredential)
    }

    /// The certificate must name the client's subject and be issued by a trusted authority (RFC 8705 §2.1), or be
    /// one that the client registered itself, byte for byte, without a chain (RFC 8705 §2.2).
    async fn recognise(
        &self,
        client: &Client,
        certificate: &Certificate,
        invocation: &Invocation,
    ) -> Result<(), NotAuthenticated> {
        use NotAuthenticated::{Unavailable, WrongCredential};
        let is_its_own = match (&client.authentication, &client.keys) {
            (ClientAuthentication::TlsClientAuth(subject), _) => {
                certificate.is_issued_to(subject) && certificate.is_signed_by(self.authorities)
            }
            // Certificates in a client's record may not be CA certificates (decision 17). Those at a `jwks_uri`
            // were not checked at registration.
            (ClientAuthentication::SelfSignedTlsClientAuth, Some(_)) if certificate.is_authority() => false,
            (ClientAuthentication::SelfSignedTlsClientAuth, Some(keys)) => {
                let (now, write) = (invocation.now, &invocation.write_id);
                let has = self.keys.has_certificate(keys, certificate.der(), now, write).await;
                has.map_err(|error| match error {
                    NotVerified::Invalid(why) => WrongCredential(why),
                    NotVerified::Unavailable(why) => Unavailable(why),
                })?
            }
            (
                ClientAuthentication::ClientSecretBasic(_)
                | ClientAuthentication::ClientSecretPost(_)
                | ClientAuthentication::PrivateKeyJwt { .. }
                | ClientAuthentication::SelfSignedTlsClientAuth,
                _,
            ) => return Err(WrongCredential("the client is not registered for mutual TLS")),
        };
        if is_its_own { Ok(()) } else { Err(WrongCredential("the certificate is not the client's")) }
    }
}
