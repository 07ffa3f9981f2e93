//! The use cases of the provider: each flow is a list of numbered steps.

pub mod asking;
pub mod authenticate_client;
mod call_hook;
pub mod deciding;
mod failure;
mod invocation;
pub mod log;
pub mod registering;
pub mod resolve_person;
pub mod telling;
pub mod tokens;

pub use invocation::Invocation;
