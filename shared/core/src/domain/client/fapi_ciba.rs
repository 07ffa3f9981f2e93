//! What a profile asks of a client's registration (FAPI-CIBA).

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::profile::Profile;
use crate::domain::client::client_authentication::ClientAuthentication;
use crate::domain::client::{Client, DeliveryMode};

impl Profile {
    /// What breaks the profile in the registration of `client`, in words for the operator. Whoever is registered has been
    /// asked this, so the endpoints need not ask again.
    pub fn breach(self, client: &Client) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::FapiCiba => fapi_ciba(client),
        }
    }

    /// The modes of delivery that the metadata announce.
    pub fn delivery_modes(self) -> impl Iterator<Item = DeliveryMode> {
        DeliveryMode::ALL.into_iter().filter(move |mode| self == Self::Plain || *mode != DeliveryMode::Push)
    }
}

/// The rules that can be seen in a client's record. Those of single requests stand where requests are read.
fn fapi_ciba(client: &Client) -> Option<&'static str> {
    let strong = JwsAlgorithm::of_clients(Profile::FapiCiba);
    let is_weak = |algorithm: JwsAlgorithm| !strong.contains(&algorithm);
    let assertions = match &client.authentication {
        ClientAuthentication::PrivateKeyJwt { algorithm, .. } => *algorithm,
        ClientAuthentication::ClientSecretBasic(_)
        | ClientAuthentication::ClientSecretPost(_)
        | ClientAuthentication::TlsClientAuth(_)
        | ClientAuthentication::SelfSignedTlsClientAuth => None,
    };
    let mut signed = assertions
        .into_iter()
        .chain(client.request_signing)
        .chain([client.id_token_algorithm])
        .chain(client.resources.iter().map(|resource| resource.algorithm));
    if client.authentication.method().is_shared_secret() {
        // `FCIBA-18`
        Some("fapi-ciba takes private_key_jwt, tls_client_auth or self_signed_tls_client_auth, and no secret")
    } else if client.delivery.mode() == DeliveryMode::Push {
        // `FCIBA-03`
        Some("fapi-ciba does not allow push")
    } else if client.may_ask() && client.request_signing.is_none() {
        // `FCIBA-06`
        Some("fapi-ciba needs backchannel_authentication_request_signing_alg: its requests are signed")
    } else if signed.any(is_weak) {
        // `FCIBA-15`
        Some("fapi-ciba does not allow RS256, for anything that is signed")
    } else if client.may_ask() && !(client.sender_constraint.certificate || client.sender_constraint.dpop) {
        // `FCIBA-19`
        Some("fapi-ciba needs tls_client_certificate_bound_access_tokens or dpop_bound_access_tokens")
    } else if client.may_refresh && client.rotates_refresh_tokens {
        // `FCIBA-24`
        Some("fapi-ciba does not replace refresh tokens")
    } else {
        None
    }
}
