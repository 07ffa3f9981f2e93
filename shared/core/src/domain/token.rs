//! What tokens say, and what they are bound to.

pub mod access_token;
pub mod dpop;
