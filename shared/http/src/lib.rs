//! HTTP: reads requests and builds responses. The only crate that depends on `lambda_http`.

pub mod access_token;
pub mod bearer;
pub mod browser;
pub mod client_authentication;
pub mod client_certificate;
pub mod cookie;
pub mod dpop;
pub mod event;
mod failure;
pub mod form;
pub mod interaction;
pub mod json;
pub mod query;
pub mod respond;
pub mod serve;

pub use lambda_http::{Body, Request, Response};
