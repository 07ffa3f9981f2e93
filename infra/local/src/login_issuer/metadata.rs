//! The discovery document (OIDC Discovery §3).

use serde_json::{Value, json};

use super::authentication_class::AuthenticationClass;
use super::client_assertion::ALGORITHMS;

pub(super) const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";
pub(super) const AUTHORIZATION_PATH: &str = "/authorize";
pub(super) const TOKEN_PATH: &str = "/token";

pub(super) fn jwks_uri(issuer: &str) -> String {
    format!("{issuer}{JWKS_PATH}")
}

pub(super) fn token_endpoint(issuer: &str) -> String {
    format!("{issuer}{TOKEN_PATH}")
}

/// It lists what this issuer does, and nothing else: there is no userinfo endpoint.
pub(super) fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZATION_PATH}"),
        "token_endpoint": token_endpoint(issuer),
        "jwks_uri": jwks_uri(issuer),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS.map(|(name, _)| name),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "acr", "amr", "at_hash",
            "name", "email", "email_verified",
        ],
        "acr_values_supported": AuthenticationClass::ALL.map(AuthenticationClass::acr),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
