//! The rules, pure: no clock, no I/O, no AWS. Time and randomness come in as parameters.

pub mod address;
pub mod asks;
pub mod authentication_request;
pub mod binding_message;
pub mod channel;
pub mod client;
pub mod contact;
pub mod decision;
pub mod hint;
pub mod key_schedule;
pub mod lifetime;
pub mod login_issuer;
pub mod notification;
pub mod person;
pub mod person_key;
pub mod request_key;
pub mod scope;
pub mod secret;
pub mod sms;
pub mod time;
