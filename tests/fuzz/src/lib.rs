//! What must hold for every input that a stranger can send: one function for each kind, which panics where it does not.
//!
//! The targets in `targets/` call them with what a fuzzer makes up, and `make test` with what is in their corpus.

mod certificate;
mod details;
mod distinct;
mod event;
mod form;
mod hint;
mod jwt;
mod passkey;
mod statement;

/// The tests' authenticator, without all that the tests need beside it.
#[path = "../../src/authenticator.rs"]
pub mod authenticator;

pub use certificate::{certificate, distinguished_name};
pub use details::authorization_details;
pub use event::event;
pub use form::form;
pub use hint::hint;
pub use jwt::{dpop_proof, jwt};
pub use passkey::client_data;
pub use statement::statement;

/// The input as text, if it is one.
fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// The parts of an input before and after its first line break.
fn lines(input: &[u8]) -> Option<(&str, &str)> {
    text(input)?.split_once('\n')
}
