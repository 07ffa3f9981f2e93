//! The rules, pure: no clock, no I/O, no AWS. Time and randomness come in as parameters.
//!
//! Rooms: base, client, issuer, hint, person, token, details, request. Each knows only those before it; a test holds that.

pub mod base;
pub mod client;
pub mod details;
pub mod hint;
pub mod issuer;
pub mod person;
pub mod request;
pub mod token;

#[cfg(test)]
mod tests;
