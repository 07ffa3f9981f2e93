//! The userinfo endpoint (OIDC Core §5.3); its errors are those of RFC 6750 §3 and RFC 9449 §7.1.

use derive_more::From;

use crate::protocol::access_token::Scheme;
use crate::protocol::dpop::{ProofError, algorithm_names};
use crate::protocol::error::{Answer, Challenge, Common, ProtocolError, answer};

/// `Allow`.
pub const METHODS: &str = "GET, HEAD, POST, OPTIONS";

#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum UserinfoError {
    #[from]
    Common(Common),
    /// There is no token, so the challenge has no error code (RFC 6750 §3.1).
    TokenMissing,
    /// The token is expired, revoked, of another type or issuer, or bound to a key that was not proven. The
    /// answer is the same in all cases.
    InvalidToken(Scheme),
    InsufficientScope(Scheme),
    #[from]
    Proof(ProofError),
}

impl ProtocolError for UserinfoError {
    fn answer(self) -> Answer {
        let bearer = Challenge::new(r#"Bearer realm="userinfo""#);
        let dpop = Challenge::new(r#"DPoP realm="userinfo""#).with("algs", algorithm_names().join(" "));
        let missing = "send an access token: Authorization: Bearer, or DPoP with a proof";
        let invalid =
            answer(401, "invalid_token", "the access token is invalid, expired, revoked or lacks its proof");
        let insufficient = answer(403, "insufficient_scope", "the access token lacks the scope openid");
        let lacking =
            |challenge: Challenge| challenge.with("error", "insufficient_scope").with("scope", "openid");
        match self {
            Self::Common(it) => it.answer(),
            Self::TokenMissing => answer(401, "invalid_token", missing).challenging(bearer).challenging(dpop),
            // The token may be bound to a key and be accepted with a proof.
            Self::InvalidToken(Scheme::Bearer) => {
                invalid.challenging(bearer.with("error", "invalid_token")).challenging(dpop)
            }
            Self::InvalidToken(Scheme::Dpop) => invalid.challenging(dpop.with("error", "invalid_token")),
            Self::InsufficientScope(Scheme::Bearer) => insufficient.challenging(lacking(bearer)),
            Self::InsufficientScope(Scheme::Dpop) => insufficient.challenging(lacking(dpop)),
            Self::Proof(error) => {
                let answer = error.answer(401);
                let challenge = dpop.with("error", answer.code);
                answer.challenging(challenge)
            }
        }
    }
}
