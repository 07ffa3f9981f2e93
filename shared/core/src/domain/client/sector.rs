//! Which clients share a sector, and so know people by the same names (CIBA §4).

use url::Url;

use crate::domain::client::client_authentication::AuthenticationMethod;
use crate::domain::client::client_keys::ClientKeys;
use crate::domain::client::{Client, Delivery};

/// Which URL of the client its sector is named after, unless a `sector_identifier_uri` names it; the list behind that has
/// to have this URL (`CIBA-4-16`, `CIBA-4-17`, `CIBA-4-19`).
///
/// A host proves nothing by itself: the client has to show with each request that the keys there are its own
/// (`CIBA-4-18`), so its way of authentication has to do that, or its requests are signed (`CIBA-4-20`).
pub fn sector_url(client: &Client) -> Result<&str, &'static str> {
    if let Delivery::Push(endpoint) = &client.delivery {
        return Ok(endpoint.as_str());
    }
    let Some(ClientKeys::Uri(uri)) = &client.keys else {
        return Err("pairwise subjects need jwks_uri");
    };
    let shows_a_key = match client.authentication.method() {
        AuthenticationMethod::PrivateKeyJwt | AuthenticationMethod::SelfSignedTlsClientAuth => true,
        AuthenticationMethod::TlsClientAuth
        | AuthenticationMethod::ClientSecretBasic
        | AuthenticationMethod::ClientSecretPost => client.request_signing.is_some(),
    };
    if shows_a_key {
        Ok(uri)
    } else {
        Err(
            "pairwise subjects need private_key_jwt, self_signed_tls_client_auth or signed requests: the client \
         has to show that the keys at its jwks_uri are its own",
        )
    }
}

/// The host of a URL: a sector's name.
pub fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}
