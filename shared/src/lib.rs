//! The shared code of the CIBA OpenID Provider's functions: one name for four crates.
//!
//! | crate | what |
//! |---|---|
//! | `ciba-http` | requests, responses, client authentication; the only one that depends on `lambda_http` |
//! | `ciba-flows` | the flows, as numbered steps |
//! | `ciba-aws` | settings, table, keys, notifications, HTTPS: the only one that uses AWS and the network |
//! | `ciba-core` | rules, wire types, verification, pages: no clock, no I/O, no AWS |
//!
//! A crate depends only on those below it.

pub use ciba_aws::{aws, config, hooks, keys, notify, outbound, store};
pub use ciba_core::{domain, page, protocol, verify};
pub use ciba_flows as flows;
pub use ciba_http as http;
