//! How a person was authenticated.

use serde::{Deserialize, Serialize};

use crate::domain::base::time::Timestamp;

/// How and when the person was authenticated on their own device, as stated in the tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The time of that authentication, not of the request or the poll.
    pub auth_time: Timestamp,
    /// The class that was actually satisfied (OIDC Core §2), if the login issuer's class is mapped to one.
    pub acr: Option<String>,
    /// The methods used, by their RFC 8176 names.
    pub amr: Vec<String>,
}
