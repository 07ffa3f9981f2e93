//! `auth_req_id` (CIBA §7.3).

use std::fmt;

use serde::Serialize;

/// The client's handle of a request: the request's key, sealed for the client. With it and its own credentials the client
/// collects the tokens, so it is not shown in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuthReqId(String);

impl AuthReqId {
    /// Ours have 44 characters. Unit: bytes.
    pub const MAX: usize = 128;

    /// As a client sends it: 1 to 128 bytes. Whether it was sealed here is not known yet.
    pub fn parse(text: &str) -> Option<Self> {
        (1..=Self::MAX).contains(&text.len()).then(|| Self(text.to_owned()))
    }

    /// As it was sealed just now.
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
