//! The rules, pure: no clock, no I/O, no AWS. Time and randomness come in as parameters.

pub mod access_token;
pub mod address;
pub mod asks;
pub mod authentication_request;
pub mod binding_message;
pub mod client;
pub mod contact;
pub mod decision;
pub mod grant;
pub mod hint;
pub mod key_schedule;
pub mod lifetime;
pub mod login_issuer;
pub mod notification;
pub mod person;
pub mod person_claims;
pub mod person_key;
pub mod request_key;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod signing_algorithm;
pub mod time;
