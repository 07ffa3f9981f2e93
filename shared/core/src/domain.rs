//! The rules, pure: no clock, no I/O, no AWS. Time and randomness come in as parameters.
//!
//! A room knows only those above it in this list.

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
