//! The format of client entries: client metadata with its registered names (RFC 7591 §2, CIBA §4).

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
    /// The name that the person sees: 1 to 64 characters that follow the rule for words (docs/api.md).
    pub client_name: String,
    /// At least 32 characters; only its hash is stored. Only for the methods `client_secret_basic` and
    /// `client_secret_post`.
    pub client_secret: Option<Secret>,
    /// `private_key_jwt`, `tls_client_auth`, `self_signed_tls_client_auth`, `client_secret_basic` or
    /// `client_secret_post`. Default: `client_secret_basic` (RFC 7591 §2).
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: String,
    /// For `private_key_jwt`: the algorithm of its assertions. Default: any supported algorithm.
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// For `private_key_jwt`: `issuer`; `issuer_slash`, which also accepts the issuer with a trailing slash; or
    /// `endpoints`, which also accepts the URLs of CIBA §7.1 as of 2021. Default: `issuer` (RFC 10070 §4). This
    /// member is specific to this provider.
    pub assertion_audience: Option<String>,
    /// The client's public keys (RFC 7517 §5): 1 to 20, at most 16 KiB. Excludes `jwks_uri`.
    pub jwks: Option<Value>,
    /// The URL of its public keys: https on a public host, at most 512 bytes.
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
    /// The algorithm of its signed requests; if it is set, unsigned requests are refused (CIBA §4). Default: its
    /// requests are not signed.
    pub backchannel_authentication_request_signing_alg: Option<String>,
    /// The values of `type` that it may send in `authorization_details` (RFC 9396 §10). Default: none.
    #[serde(default)]
    pub authorization_details_types: Vec<String>,
    /// `public` or `pairwise`. Default: `public`.
    pub subject_type: Option<String>,
    /// For pairwise: an https URL on a public host, with a JSON array that contains the client's `jwks_uri`, or
    /// for push its notification endpoint. Its host is the sector. Default: the host of `jwks_uri` or of the
    /// notification endpoint.
    pub sector_identifier_uri: Option<String>,
    /// `plain` or `fapi-ciba`. Default: the deployment's. This member is specific to this provider.
    pub profile: Option<String>,
    pub grant_types: Vec<String>,
    /// `poll`, `ping` or `push`.
    pub backchannel_token_delivery_mode: String,
    /// The URL for notifications to ping and push clients: https on a public host, at most 512 bytes.
    pub backchannel_client_notification_endpoint: Option<String>,
    /// Whether it may send its parameters to the token endpoint as a JSON object of strings instead of a form.
    /// Default: false; refused under `fapi-ciba`. This member is specific to this provider.
    #[serde(default)]
    pub token_endpoint_json: bool,
    /// The scope values that the client may ask for, separated by spaces.
    pub scope: String,
    /// `aud` of its access tokens. Default: the issuer.
    pub audience: Option<String>,
    /// The resources that the client may request with `resource` (RFC 8707). Default: none.
    #[serde(default)]
    pub resources: Vec<ResourceEntry>,
    /// The audiences for which it is the resource server: it may introspect their tokens in addition to its own.
    /// Default: none.
    #[serde(default)]
    pub introspection_audiences: Vec<String>,
    /// Default: `ES256`.
    pub id_token_signed_response_alg: Option<String>,
    /// Whether a refresh token is replaced at each use. Default: true; under `fapi-ciba` false, and true is
    /// refused.
    pub refresh_token_rotation: Option<bool>,
    /// The kinds of hints that the client may send: `plain`, `tel`, `email`, `sub`, `iss_sub`, `id_token_hint`,
    /// `login_hint_token`. Default: all.
    pub hint_kinds: Option<Vec<String>>,
    /// Whether its requests can be approved only with a passkey. Default: false, so that a login token is
    /// sufficient; under `fapi-ciba` true.
    pub require_passkey: Option<bool>,
    /// Whether each of its requests must have a `binding_message`, which `authorization_details` do not replace.
    /// Default: false. This member is specific to this provider.
    #[serde(default)]
    pub require_binding_message: bool,
    /// The subset of its scope values that can be approved only with a passkey that was added at least
    /// `PASSKEY_SEASONING_HOURS` ago. Default: none.
    pub high_risk_scope: Option<String>,
    /// The texts that the person sees for the client's own scope values: for each value an object by language
    /// (a tag of one of the pages' languages), with texts of 1 to 120 characters that follow the rule for words.
    /// English is required, and all values have the same languages. Default: the value itself.
    #[serde(default)]
    pub scope_descriptions: ScopeDescriptions,
    /// Whether it must send `user_code` for people who have a code. Default: false.
    #[serde(default)]
    pub backchannel_user_code_parameter: bool,
    /// Default: true.
    #[serde(default = "yes")]
    pub active: bool,
}

/// A resource: an API for which the client may get access tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceEntry {
    /// An absolute URI without fragment; `aud` of its tokens.
    pub resource: String,
    /// The subset of the client's scope values that the resource understands.
    pub scope: String,
    /// The signature algorithm of its tokens. Default: `ES256`. API Gateway's JWT authorizers support only `RS256`.
    pub signing_alg: Option<String>,
}

impl ClientMetadata {
    /// The members for the certificate subject that are present, and their texts.
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
