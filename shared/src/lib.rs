//! What the functions of the CIBA OpenID Provider share.
//!
//! Layers, from the top; a layer knows only those below it, and a test over the sources holds that:
//!
//! | layer | knows |
//! |---|---|
//! | [`http`] | `lambda_http`: reading requests, authenticating clients, building responses |
//! | [`flows`] | what happens, as numbered steps |
//! | [`store`], [`notify`], [`keys`], [`outbound`] | DynamoDB, SNS, KMS, HTTPS |
//! | [`page`] | the pages that a person's browser shows, and `maud` |
//! | [`protocol`] | wire types and error codes of each endpoint |
//! | [`domain`] | the rules: no clock, no I/O, no AWS |
//!
//! [`config`] is the only reader of the environment; [`aws`] says how AWS is reached.

pub mod aws;
pub mod config;
pub mod domain;
pub mod flows;
pub mod http;
pub mod keys;
pub mod notify;
pub mod outbound;
pub mod page;
pub mod protocol;
pub mod store;
