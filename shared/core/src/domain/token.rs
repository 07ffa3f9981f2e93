//! Access tokens as they are presented, and the DPoP proofs that they are bound to.

pub mod access_token;
pub mod dpop;
