//! The CIBA OpenID Provider's rules, its wire formats, its verification and the pages it shows.
//!
//! Nothing here depends on a clock, a network or AWS: time and randomness are passed in as parameters.

pub mod domain;
pub mod page;
pub mod protocol;
pub mod verify;
