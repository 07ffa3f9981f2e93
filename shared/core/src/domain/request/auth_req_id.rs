//! `auth_req_id` (CIBA §7.3).

use std::fmt;

use serde::Serialize;

/// The client's handle for a request: the request key, sealed so that only this provider can open it. It does not
/// name the client: `poll` and `redeem` compare the request's client with the one that presents the handle.
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuthReqId(String);

impl AuthReqId {
    /// The longest handle that is accepted. This provider's handles have 44 characters. Unit: bytes.
    pub const MAX: usize = 128;

    /// As sent by a client: 1 to 128 bytes. Whether it was sealed here has not been checked.
    pub fn parse(text: &str) -> Option<Self> {
        (1..=Self::MAX).contains(&text.len()).then(|| Self(text.to_owned()))
    }

    /// A handle that was just sealed.
    pub fn sealed(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthReqId(…)")
    }
}
