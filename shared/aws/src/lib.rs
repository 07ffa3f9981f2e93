//! The CIBA OpenID Provider's access to the outside world: its settings, table and keys, people's devices, and
//! HTTPS.
//!
//! [`config`] is the only reader of the environment; [`aws`] configures the AWS clients.

pub mod aws;
pub mod config;
mod failure;
pub mod hooks;
pub mod keys;
pub mod notify;
pub mod outbound;
pub mod store;
