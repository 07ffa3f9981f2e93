//! Client metadata by its registered names (RFC 7591 §2, CIBA §4): how clients are written down.

use serde::Deserialize;

use crate::domain::client::ScopeDescriptions;
use crate::domain::secret::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    pub client_id: String,
    /// What the person reads: 1 to 64 characters under the rule of the binding message.
    pub client_name: String,
    /// At least 32 characters; stored as a hash only.
    pub client_secret: Secret,
    /// Default: `client_secret_basic` (RFC 7591 §2).
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: String,
    pub grant_types: Vec<String>,
    /// `poll`, `ping` or `push`.
    pub backchannel_token_delivery_mode: String,
    /// Where ping and push clients are called: https on a public host, at most 512 bytes.
    pub backchannel_client_notification_endpoint: Option<String>,
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
    /// Whether a refresh token is replaced at each use. Default: true.
    #[serde(default = "yes")]
    pub refresh_token_rotation: bool,
    /// The kinds of hints that the client may send: `plain`, `tel`, `email`, `sub`, `iss_sub`, `id_token_hint`,
    /// `login_hint_token`. Default: all.
    pub hint_kinds: Option<Vec<String>>,
    /// Whether only a passkey approves what the client asks for. Default: false, a login token is enough.
    #[serde(default)]
    pub require_passkey: bool,
    /// The scope values, out of the client's, that only a passkey approves which has been there for `PASSKEY_SEASONING_HOURS`.
    /// Default: none.
    pub high_risk_scope: Option<String>,
    /// What the person reads for a scope value of the client's own: an object of languages (`en`, `de`, `fr`, `es`) per
    /// value, each 1 to 120 letters, digits, spaces and marks of a sentence, English always among them. Default: the value
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

fn basic() -> String {
    "client_secret_basic".to_owned()
}

fn yes() -> bool {
    true
}
