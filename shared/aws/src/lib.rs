//! What the CIBA OpenID Provider reaches: its settings, its table, its keys, the people's devices, and HTTPS.
//!
//! [`config`] is the only reader of the environment; [`aws`] says how AWS is reached.

pub mod aws;
pub mod config;
mod failure;
pub mod keys;
pub mod notify;
pub mod outbound;
pub mod store;
