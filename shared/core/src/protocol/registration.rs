//! Client metadata by its registered names (RFC 7591 §2, CIBA §4): how clients are written down.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::base::secret::Secret;
use crate::domain::client::ScopeDescriptions;
use crate::domain::client::certificate_subject::CertificateSubject;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    pub client_id: String,
    /// What the person reads: a name of 1 to 64 characters under the rule for words (docs/api.md).
    pub client_name: String,
    /// At least 32 characters; stored as a hash only. For the methods `client_secret_basic` and `client_secret_post`, and
    /// no other.
    pub client_secret: Option<Secret>,
    /// `private_key_jwt`, `tls_client_auth`, `self_signed_tls_client_auth`, `client_secret_basic` or
    /// `client_secret_post`. Default: `client_secret_basic` (RFC 7591 §2).
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: String,
    /// For `private_key_jwt`: the one algorithm of its assertions. Default: any that is offered.
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// For `private_key_jwt`: `issuer`; `issuer_slash`, which also takes the issuer with a slash at its end; or `endpoints`, which also takes
    /// the URLs that CIBA §7.1 named in 2021. Default: `issuer` (RFC 10070 §4). A member of this provider's own.
    pub assertion_audience: Option<String>,
    /// The client's public keys (RFC 7517 §5): 1 to 20, at most 16 KiB. Excludes `jwks_uri`.
    pub jwks: Option<Value>,
    /// Where its public keys are: https on a public host, at most 512 bytes.
    pub jwks_uri: Option<String>,
    /// For `tls_client_auth`: exactly one of these (RFC 8705 §2.1.2).
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    /// Whether its access tokens are always bound to its certificate (RFC 8705 §3.4). Default: false.
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Whether its access tokens are always bound to a DPoP key (RFC 9449 §5.2). Default: false.
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// The algorithm of its signed requests; unsigned ones are refused then (CIBA §4). Default: it sends none.
    pub backchannel_authentication_request_signing_alg: Option<String>,
    /// What it may send in `authorization_details` (RFC 9396 §10). Default: nothing.
    #[serde(default)]
    pub authorization_details_types: Vec<String>,
    /// `public` or `pairwise`. Default: `public`.
    pub subject_type: Option<String>,
    /// For pairwise: an https URL on a public host, with a JSON array that has the client's `jwks_uri`, or for push its
    /// notification endpoint. Its host names the sector. Default: the host of that URL itself.
    pub sector_identifier_uri: Option<String>,
    /// `plain` or `fapi-ciba`. Default: the deployment's. A member of this provider's own.
    pub profile: Option<String>,
    pub grant_types: Vec<String>,
    /// `poll`, `ping` or `push`.
    pub backchannel_token_delivery_mode: String,
    /// Where ping and push clients are called: https on a public host, at most 512 bytes.
    pub backchannel_client_notification_endpoint: Option<String>,
    /// Whether it may write its parameters at the token endpoint as a JSON object of texts, beside forms. Default: false;
    /// refused under `fapi-ciba`. A member of this provider's own.
    #[serde(default)]
    pub token_endpoint_json: bool,
    /// The scope values that the client may ask for, separated by spaces.
    pub scope: String,
    /// `aud` of its access tokens. Default: the issuer.
    pub audience: Option<String>,
    /// What the client may name as `resource` (RFC 8707). Default: nothing.
    #[serde(default)]
    pub resources: Vec<ResourceEntry>,
    /// The audiences whose tokens it may introspect beside its own: it is their resource server. Default: none.
    #[serde(default)]
    pub introspection_audiences: Vec<String>,
    /// Default: `ES256`.
    pub id_token_signed_response_alg: Option<String>,
    /// Whether a refresh token is replaced at each use. Default: true; under `fapi-ciba` false, and never true.
    pub refresh_token_rotation: Option<bool>,
    /// The kinds of hints that the client may send: `plain`, `tel`, `email`, `sub`, `iss_sub`, `id_token_hint`,
    /// `login_hint_token`. Default: all.
    pub hint_kinds: Option<Vec<String>>,
    /// Whether only a passkey approves what the client asks for. Default: false, a login token is enough; under
    /// `fapi-ciba` true.
    pub require_passkey: Option<bool>,
    /// The scope values, out of the client's, that only a passkey approves which has been there for `PASSKEY_SEASONING_HOURS`.
    /// Default: none.
    pub high_risk_scope: Option<String>,
    /// What the person reads for a scope value of the client's own: an object of languages (`en`, `de`, `fr`, `es`) per
    /// value, each 1 to 120 characters under the rule for words, English always among them. Default: the value
    /// itself.
    #[serde(default)]
    pub scope_descriptions: ScopeDescriptions,
    /// Whether it asks people who have a code with `user_code` only. Default: false.
    #[serde(default)]
    pub backchannel_user_code_parameter: bool,
    /// Default: true.
    #[serde(default = "yes")]
    pub active: bool,
}

/// A resource: an API that the client may get access tokens for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceEntry {
    /// An absolute URI without fragment; `aud` of its tokens.
    pub resource: String,
    /// The scope values that mean something there, out of the client's.
    pub scope: String,
    /// What signs its tokens. Default: `ES256`. API Gateway's JWT authorizers take `RS256` only.
    pub signing_alg: Option<String>,
}

impl ClientMetadata {
    /// The members that name the subject of a certificate, and their texts.
    pub fn certificate_subjects(&self) -> BTreeMap<&'static str, &str> {
        let texts = [
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_ip,
            &self.tls_client_auth_san_email,
        ];
        let pairs = CertificateSubject::MEMBERS.into_iter().zip(texts);
        pairs.filter_map(|(member, text)| Some((member, text.as_deref()?))).collect()
    }
}

fn basic() -> String {
    "client_secret_basic".to_owned()
}

fn yes() -> bool {
    true
}
