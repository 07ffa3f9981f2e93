//! `RequestKey`: the name of an authentication request in the table and on the person's side.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 16 random bytes, written as 22 characters of base64url.
///
/// It is the table key, and the name that the person's side uses (link, app). The client never sees it: its
/// `auth_req_id` is this key sealed (`keys::handle`), so that neither side can compute the name that the other one
/// uses.
///
/// # Security
/// Anybody who knows it can open the person's link, so logs have [`RequestKey::correlation`] instead.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestKey([u8; 16]);

impl RequestKey {
    pub const BYTES: usize = 16;

    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// `None` for anything but 22 characters of canonical base64url, so that one request has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// A name for logs. It shows which lines belong together, and gives access to nothing.
    pub fn correlation(&self) -> String {
        URL_SAFE_NO_PAD.encode(&digest(&SHA256, &self.0).as_ref()[..9])
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestKey(#{})", self.correlation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling_of_22_characters() {
        let key = RequestKey::from_bytes([0xfe; 16]);
        let text = key.encode();
        assert_eq!(text.len(), 22);
        assert_eq!(RequestKey::parse(&text), Some(key));
        // The last character carries 2 bits; others with the same 2 bits are not the same key.
        assert_eq!(RequestKey::parse(&format!("{}h", &text[..21])), None);
        assert_eq!(RequestKey::parse(&format!("{text}=")), None);
    }

    #[test]
    fn debug_output_does_not_open_the_link() {
        let key = RequestKey::from_bytes([7; 16]);
        assert!(!format!("{key:?}").contains(&key.encode()));
    }
}
