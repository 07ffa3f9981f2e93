//! The metadata document (OIDC Discovery, RFC 8414), generated from the same constants that the code enforces.

use derive_more::From;
use serde::Serialize;

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::profile::Profile;
use crate::domain::base::scope::Scope;
use crate::domain::client::DeliveryMode;
use crate::domain::client::client_authentication::AuthenticationMethod;
use crate::domain::client::subject_type::SubjectType;
use crate::domain::person::person_claims;
use crate::protocol::error::{Answer, Common, ProtocolError, answer};
use crate::protocol::token::GrantType;
use crate::protocol::{dpop, routes};

/// The members of the metadata (OIDC Discovery §3, RFC 8414 §2). They state only what is supported and enforced.
#[derive(Clone, Serialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub backchannel_authentication_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    pub backchannel_token_delivery_modes_supported: Vec<&'static str>,
    pub backchannel_user_code_parameter_supported: bool,
    pub grant_types_supported: Vec<&'static str>,
    /// Empty: the authorization endpoint supports no response type.
    pub response_types_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// RFC 9449 §5.1.
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// CIBA §4: signed requests are supported.
    pub backchannel_authentication_request_signing_alg_values_supported: Vec<&'static str>,
    pub scopes_supported: Vec<&'static str>,
    pub claims_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values_supported: Vec<String>,
    /// The endpoints on the mutual-TLS host, for clients with certificates (RFC 8705 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtls_endpoint_aliases: Option<MtlsEndpoints>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// The types that an operator has defined (RFC 9396 §10).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
}

/// The features that a deployment supports.
pub struct Offer<'a> {
    pub issuer: &'a str,
    /// Without it, client certificates are not supported.
    pub mtls: Option<MtlsOffer<'a>>,
    pub profile: Profile,
    /// The classes to which login issuers' classes are mapped, and those that passkeys reach.
    pub acr_values: Vec<String>,
}

/// The endpoints at which clients authenticate or present tokens, on the mutual-TLS host.
#[derive(Clone, Serialize)]
pub struct MtlsEndpoints {
    pub token_endpoint: String,
    pub backchannel_authentication_endpoint: String,
    pub userinfo_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
}

impl MtlsEndpoints {
    fn new(host: &str) -> Self {
        let at = |path: &str| format!("{host}{path}");
        Self {
            token_endpoint: at(routes::TOKEN),
            backchannel_authentication_endpoint: at(routes::BACKCHANNEL_AUTHENTICATION),
            userinfo_endpoint: at(routes::USERINFO),
            introspection_endpoint: at(routes::INTROSPECTION),
            revocation_endpoint: at(routes::REVOCATION),
        }
    }
}

/// The supported parts of mutual TLS.
#[derive(Clone, Copy)]
pub struct MtlsOffer<'a> {
    /// The URL of its host.
    pub url: &'a str,
    /// Whether there are certificate authorities that are trusted to identify clients.
    pub has_authorities: bool,
}

impl MtlsOffer<'_> {
    const fn has(&self, method: AuthenticationMethod) -> bool {
        match method {
            AuthenticationMethod::TlsClientAuth => self.has_authorities,
            AuthenticationMethod::SelfSignedTlsClientAuth
            | AuthenticationMethod::PrivateKeyJwt
            | AuthenticationMethod::ClientSecretBasic
            | AuthenticationMethod::ClientSecretPost => true,
        }
    }
}

impl Metadata {
    pub fn new(offer: Offer<'_>) -> Self {
        let Offer { issuer, mtls, profile, acr_values } = offer;
        let at = |path: &str| format!("{issuer}{path}");
        let methods = || {
            let offered = AuthenticationMethod::ALL.into_iter().filter(|method| {
                mtls.map_or(!method.is_mutual_tls(), |mtls| mtls.has(*method))
                    && (profile == Profile::Plain || !method.is_shared_secret())
            });
            offered.map(AuthenticationMethod::as_str).collect()
        };
        let of_clients = JwsAlgorithm::of_clients(profile);
        let signed_here = of_clients.iter().map(|it| it.as_str()).collect();
        let accepted = || of_clients.iter().flat_map(|it| it.accepted_names()).copied().collect();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at(routes::AUTHORIZATION),
            token_endpoint: at(routes::TOKEN),
            backchannel_authentication_endpoint: at(routes::BACKCHANNEL_AUTHENTICATION),
            jwks_uri: at(routes::JWKS),
            userinfo_endpoint: at(routes::USERINFO),
            introspection_endpoint: at(routes::INTROSPECTION),
            revocation_endpoint: at(routes::REVOCATION),
            backchannel_token_delivery_modes_supported: profile
                .delivery_modes()
                .map(DeliveryMode::as_str)
                .collect(),
            backchannel_user_code_parameter_supported: true,
            grant_types_supported: GrantType::ALL.map(GrantType::as_str).into(),
            response_types_supported: vec![],
            subject_types_supported: SubjectType::ALL.into(),
            id_token_signing_alg_values_supported: signed_here,
            token_endpoint_auth_methods_supported: methods(),
            introspection_endpoint_auth_methods_supported: methods(),
            revocation_endpoint_auth_methods_supported: methods(),
            dpop_signing_alg_values_supported: dpop::algorithm_names(),
            token_endpoint_auth_signing_alg_values_supported: accepted(),
            introspection_endpoint_auth_signing_alg_values_supported: accepted(),
            revocation_endpoint_auth_signing_alg_values_supported: accepted(),
            backchannel_authentication_request_signing_alg_values_supported: accepted(),
            scopes_supported: Scope::OWN.into(),
            claims_supported: ["iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "at_hash"]
                .into_iter()
                .chain(person_claims::all())
                .collect(),
            acr_values_supported: acr_values,
            mtls_endpoint_aliases: mtls.map(|mtls| MtlsEndpoints::new(mtls.url)),
            tls_client_certificate_bound_access_tokens: mtls.is_some(),
            authorization_details_types_supported: vec![],
            request_parameter_supported: false,
            // The default is true (OIDC Discovery §3), so it must be stated.
            request_uri_parameter_supported: false,
        }
    }
}

/// `Allow` of the public documents.
pub const METHODS: &str = "GET, HEAD, OPTIONS";

/// Errors of the metadata, key and authorization endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum DiscoveryError {
    NotFound,
    #[from]
    Common(Common),
    /// `/authorize`: this provider is backchannel only.
    UnsupportedResponseType,
}

impl ProtocolError for DiscoveryError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::NotFound => answer(404, "not_found", "there is nothing at this path"),
            Self::UnsupportedResponseType => answer(
                400,
                "unsupported_response_type",
                "this provider supports CIBA only; see backchannel_authentication_endpoint",
            ),
        }
    }
}
