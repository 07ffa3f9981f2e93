//! Client authentication: the credential in a request (RFC 6749 §2.3.1, RFC 7523 §2.2, RFC 8705 §2).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;

use crate::{bearer, client_certificate, form};
use ciba_aws::config::{ConfigError, Environment, Issuer, MtlsHost, client_assertion_lifetime, profile};
use ciba_aws::outbound::ClientKeySets;
use ciba_aws::store::{ClientDirectory, Table};
use ciba_core::domain::base::profile::Profile;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::client::client_assertion;
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::protocol::error::{Common, ProtocolError, Refusal};
use ciba_core::protocol::parameters::Parameters;
use ciba_core::protocol::routes;
use ciba_core::verify::certificate::Certificate;
use ciba_core::verify::jws::{self, UnverifiedJws};
use ciba_flows::Invocation;
use ciba_flows::authenticate_client::{AuthenticateClient, NotAuthenticated, PresentedCredential};

/// Authenticates clients at all endpoints that require it. Each function creates one, when it starts.
pub struct ClientAuthenticator {
    clients: ClientDirectory,
    table: Table,
    keys: ClientKeySets,
    issuer: Issuer,
    /// Without it no client can authenticate with a certificate.
    mtls: Option<MtlsHost>,
    profile: Profile,
    assertion_lifetime: Duration,
}

impl ClientAuthenticator {
    pub fn read(environment: &Environment, issuer: &Issuer, table: Table) -> Result<Self, ConfigError> {
        Ok(Self {
            clients: ClientDirectory::new(table.clone()),
            keys: ClientKeySets::new(issuer.is_local(), table.clone()),
            table,
            issuer: issuer.clone(),
            mtls: MtlsHost::read(environment)?,
            profile: profile(environment)?,
            assertion_lifetime: client_assertion_lifetime(environment)?,
        })
    }

    /// The keys of the clients, for verifying other signatures by them.
    pub fn keys(&self) -> &ClientKeySets {
        &self.keys
    }

    /// Authenticates the client of a form request. A single-use credential is recorded as used before any other
    /// write.
    ///
    /// # Errors
    /// All causes of `invalid_client` look the same to the caller; the log has the cause, and the client if it is
    /// known.
    pub async fn authenticate<E: ProtocolError>(
        &self,
        request: &Request,
        form: &Parameters,
        invocation: &Invocation,
    ) -> Result<Client, Refusal<E>> {
        let certificate = self.certificate(request, invocation)?;
        let (id, credential) = presented(request, form, certificate)?;
        let flow = AuthenticateClient {
            clients: &self.clients,
            table: &self.table,
            keys: &self.keys,
            issuer: self.issuer.as_str(),
            endpoints: &self.endpoints(request.uri().path()),
            authorities: self.mtls.as_ref().map_or(&[], MtlsHost::authorities),
            assertion_lifetime: self.assertion_lifetime,
        };
        let client = flow.authenticate(&id, &credential, invocation).await.map_err(|error| match error {
            NotAuthenticated::Unknown => invalid_client("unknown client", named(&id, &credential)),
            NotAuthenticated::Disabled => invalid_client("disabled client", Some(&id)),
            NotAuthenticated::WrongCredential(why) => invalid_client(why, Some(&id)),
            NotAuthenticated::Unavailable(why) => Refusal::unavailable(why),
            NotAuthenticated::Store(error) => error.into(),
        })?;
        // Such a client was registered before the deployment's profile became stricter.
        if client.profile < self.profile {
            return Err(invalid_client("the client's profile is weaker than the deployment's", Some(&id)));
        }
        Ok(client)
    }

    /// The client certificate of a request, whether or not it authenticates the client.
    pub fn certificate<E: ProtocolError>(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<Option<Certificate>, Refusal<E>> {
        let presented = client_certificate::presented(request, self.mtls.as_ref(), invocation.now);
        presented.map_err(|error| invalid_client(error.0, None))
    }

    /// The token endpoint and the called endpoint, on each host: the URLs that an assertion may have as its
    /// audience (RFC 7523 §3, CIBA §7.1).
    fn endpoints(&self, called: &str) -> Vec<String> {
        let paths = [routes::TOKEN, called].into_iter();
        let on_each =
            paths.flat_map(|path| [Some(self.issuer.at(path)), self.mtls.as_ref().map(|host| host.at(path))]);
        on_each.flatten().collect()
    }
}

/// The id of an unknown client, for the log. An id that came with a secret is not logged, because the caller may
/// have mixed up the two.
fn named<'i>(id: &'i ClientId, credential: &PresentedCredential) -> Option<&'i ClientId> {
    match credential {
        PresentedCredential::ClientSecretBasic(_) | PresentedCredential::ClientSecretPost(_) => None,
        PresentedCredential::Assertion(_) | PresentedCredential::Certificate(_) => Some(id),
    }
}

/// The refusal `invalid_client`. Its cause and client are for the log.
fn invalid_client<E: ProtocolError>(why: &str, client: Option<&ClientId>) -> Refusal<E> {
    Refusal {
        client: client.map(|id| id.as_str().to_owned()),
        ..Refusal::because(Common::InvalidClient, why)
    }
}

/// Reads the credential of a request, which must not use more than one method (RFC 6749 §2.3). New methods are
/// added here.
///
/// A certificate is the credential if there is no other. Otherwise, tokens are bound to it (RFC 8705 §3).
fn presented<E: ProtocolError>(
    request: &Request,
    form: &Parameters,
    certificate: Option<Certificate>,
) -> Result<(ClientId, PresentedCredential), Refusal<E>> {
    let header = request.headers().get(AUTHORIZATION);
    let secret = form.get("client_secret");
    let assertion = form.contains("client_assertion") || form.contains("client_assertion_type");
    if [header.is_some(), secret.is_some(), assertion].into_iter().filter(|&used| used).count() > 1 {
        return Err(Common::InvalidRequest("more than one method of client authentication").into());
    }
    let named = form.get("client_id");
    if assertion {
        return presented_assertion(form, named);
    }
    if let Some(header) = header {
        let value = header.to_str().ok();
        let (id, secret) =
            value.and_then(basic).ok_or_else(|| invalid_client("malformed Basic credentials", None))?;
        // Some SDKs repeat `client_id` in the body; it must be the same.
        if named.is_some_and(|named| named != id.as_str()) {
            return Err(invalid_client("client_id differs from the Basic user", None));
        }
        return Ok((id, PresentedCredential::ClientSecretBasic(secret)));
    }
    // `client_id` is a required parameter with a certificate, too (RFC 8705 §2, CIBA §7.1).
    match (named.and_then(ClientId::parse), secret, certificate) {
        (Some(id), Some(secret), _) => Ok((id, PresentedCredential::ClientSecretPost(Secret::new(secret)))),
        (Some(id), None, Some(certificate)) => {
            Ok((id, PresentedCredential::Certificate(Box::new(certificate))))
        }
        (None, _, _) | (_, None, None) => Err(invalid_client("no credential of a supported method", None)),
    }
}

/// Reads an assertion (RFC 7523 §2.2). Its `iss`, which is not verified yet, selects the client whose keys verify
/// it; a `client_id` parameter must be the same (RFC 7521 §4.2).
fn presented_assertion<E: ProtocolError>(
    form: &Parameters,
    named: Option<&str>,
) -> Result<(ClientId, PresentedCredential), Refusal<E>> {
    let named = named.and_then(ClientId::parse);
    let invalid = |why, client: Option<ClientId>| invalid_client(why, client.as_ref().or(named.as_ref()));
    let (Some(client_assertion::TYPE), Some(assertion)) =
        (form.get("client_assertion_type"), form.get("client_assertion"))
    else {
        return Err(invalid(
            "client_assertion without client_assertion_type, or with an unsupported one",
            None,
        ));
    };
    let jws = UnverifiedJws::parse(assertion).map_err(|error| {
        let claimed = jws::claimed_issuer(assertion);
        invalid(error.why(), claimed.as_deref().and_then(ClientId::parse))
    })?;
    let issuer = jws.issuer().and_then(ClientId::parse);
    let id = issuer.ok_or_else(|| invalid("the assertion's iss is not a valid client_id", None))?;
    if form.contains("client_id") && named.as_ref() != Some(&id) {
        return Err(invalid("client_id differs from the assertion's iss", Some(id)));
    }
    Ok((id, PresentedCredential::Assertion(Secret::new(assertion))))
}

/// Decodes base64, splits at the first colon (RFC 7617 §2), and form-decodes both parts (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(ClientId, Secret)> {
    let (scheme, credentials) = bearer::credentials(header)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let secret = form::decode(secret)
        .ok()
        .filter(|secret| !secret.is_empty() && secret.bytes().all(|b| matches!(b, 0x20..=0x7e)))?;
    Some((ClientId::parse(&form::decode(id).ok()?)?, Secret::new(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    fn read(header: &str) -> Option<(String, String)> {
        basic(header).map(|(id, secret)| (id.as_str().to_owned(), secret.expose().to_owned()))
    }

    /// CAUTH-2-01, CAUTH-2-02
    #[test]
    fn basic_credentials_are_decoded_in_the_specified_order() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read(&header("kiosk:s3cret")), pair("kiosk", "s3cret"));
        assert_eq!(read(&header("a%3Ab:c+d%25:e")), pair("a:b", "c d%:e"));
        assert_eq!(read(&header("kiosk:s").replace("Basic", "basic")), pair("kiosk", "s"));
    }

    /// CAUTH-2-02
    #[test]
    fn malformed_basic_credentials_are_refused() {
        for text in
            ["kiosk", "kiosk:", ":s", "kiosk:%zz", "kiosk:%", "ki%C3%B6sk:s", "kiosk:s%0A", "ki osk:s"]
        {
            assert_eq!(read(&header(text)), None, "{text}");
        }
        for text in ["Basic", "Basic !!!", "Bearer a2lvc2s6cw==", "Basic a2lvc2s6cw==,Basic a2lvc2s6cw=="] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
