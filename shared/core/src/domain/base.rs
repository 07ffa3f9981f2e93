//! The types that all other domain modules use.

pub mod address;
pub mod arn;
pub mod authentication;
pub mod claims;
pub mod confirmation;
pub mod contact;
pub mod fetch_failures;
pub mod json_value;
pub mod jws_algorithm;
pub mod language;
pub mod person_key;
pub mod phone_number;
pub mod plain_text;
pub mod profile;
pub mod replay;
pub mod request_key;
pub mod scope;
pub mod secret;
pub mod sms_text;
pub mod strict_json;
pub mod time;
