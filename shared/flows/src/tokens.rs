//! The tokens that a client gets for an approval, and their later use (CIBA §10, RFC 6749).

pub mod check_token;
pub mod introspect;
pub mod issue_tokens;
pub mod poll;
pub mod prove_possession;
pub mod redeem;
pub mod refresh;
pub mod revoke;
