//! Guards against replay: a token that may be used only once is remembered until it expires.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::base::time::Timestamp;

/// The kinds of tokens that may be used only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardedToken {
    LoginHintToken,
    ClientAssertion,
    DpopProof,
    RequestObject,
    /// `state` of a login in the browser.
    LoginState,
}

impl GuardedToken {
    const fn as_str(self) -> &'static str {
        match self {
            Self::LoginHintToken => "login_hint_token",
            Self::ClientAssertion => "client_assertion",
            Self::DpopProof => "dpop",
            Self::RequestObject => "request",
            Self::LoginState => "login_state",
        }
    }
}

/// The record of one used token: a name that is unique to it and contains no part of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayGuard {
    name: String,
    /// When the token will have expired and is refused anyway. This includes the leeway.
    pub expires_at: Timestamp,
}

impl ReplayGuard {
    /// `issuer` is the token's issuer or key, within which its `jti` is unique. The sender does not matter: a
    /// token that one client has used is used up for all clients.
    pub fn new(token: GuardedToken, issuer: &str, jti: &str, expires_at: Timestamp) -> Self {
        let mut context = Context::new(&SHA256);
        // The lengths distinguish (ab, c) from (a, bc).
        for part in [token.as_str(), issuer, jti] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        Self { name: URL_SAFE_NO_PAD.encode(context.finish()), expires_at }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_named_after_kind_issuer_and_jti_alone() {
        let name = |issuer: &str, jti: &str, at: i64| {
            let guard =
                ReplayGuard::new(GuardedToken::LoginHintToken, issuer, jti, Timestamp::from_seconds(at));
            guard.name().to_owned()
        };
        assert_eq!(name("https://hints.example", "1", 0), name("https://hints.example", "1", 9));
        assert_eq!(name("https://hints.example", "1", 0).len(), 43);
        assert_ne!(name("ab", "c", 0), name("a", "bc", 0));
        let assertion = ReplayGuard::new(
            GuardedToken::ClientAssertion,
            "https://hints.example",
            "1",
            Timestamp::from_seconds(0),
        );
        assert_ne!(assertion.name(), name("https://hints.example", "1", 0));
    }
}
