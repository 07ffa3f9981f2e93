//! The requirements of the FAPI-CIBA profile for a client's registration.

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::profile::Profile;
use crate::domain::client::client_authentication::ClientAuthentication;
use crate::domain::client::{Client, DeliveryMode};

impl Profile {
    /// The rule of the profile that the registration of `client` breaks, in words for the operator. Every
    /// registered client has passed this check, so the endpoints do not repeat it.
    pub fn breach(self, client: &Client) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::FapiCiba => fapi_ciba(client),
        }
    }

    /// The delivery modes in the metadata.
    pub fn delivery_modes(self) -> impl Iterator<Item = DeliveryMode> {
        DeliveryMode::ALL.into_iter().filter(move |mode| self == Self::Plain || *mode != DeliveryMode::Push)
    }
}

/// The rules that apply to a client's record. Those for single requests are checked where requests are read.
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
        // FAPI-CIBA: clients authenticate with a key or a certificate.
        Some("fapi-ciba requires private_key_jwt, tls_client_auth or self_signed_tls_client_auth, no secret")
    } else if client.delivery.mode() == DeliveryMode::Push {
        // FAPI-CIBA: no push mode.
        Some("fapi-ciba does not allow push")
    } else if client.may_ask() && client.request_signing.is_none() {
        // FAPI-CIBA: authentication requests are signed.
        Some("fapi-ciba requires signed requests: backchannel_authentication_request_signing_alg is missing")
    } else if signed.any(is_weak) {
        // FAPI-CIBA: PS256, ES256 or EdDSA only.
        Some("fapi-ciba does not allow RS256 for any signature")
    } else if client.may_ask() && !(client.sender_constraint.certificate || client.sender_constraint.dpop) {
        // FAPI-CIBA: access tokens are sender-constrained.
        Some("fapi-ciba requires tls_client_certificate_bound_access_tokens or dpop_bound_access_tokens")
    } else if client.may_refresh && client.rotates_refresh_tokens {
        // FAPI 2.0 §5.3.2.1: no rotation of refresh tokens.
        Some("fapi-ciba does not allow refresh token rotation")
    } else {
        None
    }
}
