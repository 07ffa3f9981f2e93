//! Client metadata by its registered names (RFC 7591 §2, CIBA §4): how clients are written down.

use serde::Deserialize;

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
    pub backchannel_token_delivery_mode: String,
    /// The scope values that the client may ask for, separated by spaces.
    pub scope: String,
    /// `aud` of its access tokens. Default: the issuer.
    pub audience: Option<String>,
    /// The kinds of hints that the client may send: `plain`, `tel`, `email`, `sub`, `iss_sub`, `id_token_hint`,
    /// `login_hint_token`. Default: all.
    pub hint_kinds: Option<Vec<String>>,
    /// Default: true.
    #[serde(default = "yes")]
    pub active: bool,
}

fn basic() -> String {
    "client_secret_basic".to_owned()
}

fn yes() -> bool {
    true
}
