//! The rules, pure: no clock, no I/O, no AWS. Time and randomness come in as parameters.

pub mod address;
pub mod asks;
pub mod authentication_request;
pub mod binding_message;
pub mod claims;
pub mod client;
pub mod contact;
pub mod decision;
pub mod hint;
pub mod hint_form;
pub mod hint_issuer;
pub mod id_token_hint;
pub mod jws_algorithm;
pub mod key_schedule;
pub mod lifetime;
pub mod login_issuer;
pub mod notification;
pub mod person;
pub mod person_key;
pub mod replay;
pub mod request_key;
pub mod scope;
pub mod secret;
pub mod strict_json;
pub mod subject_identifier;
pub mod time;
