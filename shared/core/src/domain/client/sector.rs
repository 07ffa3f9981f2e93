//! Sectors: clients in the same sector get the same pairwise `sub` for a person (CIBA §4).

use url::Url;

use crate::domain::client::client_authentication::AuthenticationMethod;
use crate::domain::client::client_keys::ClientKeys;
use crate::domain::client::{Client, Delivery};

/// The URL whose host is the client's sector: the notification endpoint of a push client, otherwise the
/// `jwks_uri`. If there is a `sector_identifier_uri`, its host is the sector, and its list has to contain this URL
/// (CIBA §4).
///
/// A host name proves nothing by itself: a poll or ping client has to prove with each request that it holds a key
/// at its `jwks_uri` (CIBA §4). It must therefore authenticate with such a key or sign its requests; otherwise
/// its registration is refused.
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
         has to prove that the keys at its jwks_uri are its own",
        )
    }
}

/// The host of a URL, which identifies a sector.
pub fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}
