//! The rules of the CIBA OpenID Provider, what it says on the wire, what it verifies and the pages it shows.
//!
//! Nothing here knows a clock, a network or AWS: time and randomness come in as parameters.

pub mod domain;
pub mod page;
pub mod protocol;
pub mod verify;
