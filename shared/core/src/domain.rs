//! The rules as pure functions: no clock, no I/O, no AWS. Time and randomness are passed in as parameters.
//!
//! Modules: base, client, issuer, hint, person, token, details, request. Each depends only on those before it,
//! which a test enforces.

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
