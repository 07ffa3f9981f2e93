//! The wire types and error codes of each endpoint, and the metadata document. There is no application logic here.

pub mod access_token;
pub mod app_association;
pub mod auth_req_id;
pub mod backchannel_authentication;
pub mod cancellation;
pub mod client_notification;
pub mod consent;
pub mod discovery;
pub mod dpop;
pub mod enroll_passkey;
pub mod error;
pub mod event;
pub mod id_token;
pub mod jwks;
pub mod log_subscription;
pub mod login;
pub mod parameters;
pub mod person_entry;
pub mod registration;
pub mod request_object;
pub mod resource;
pub mod routes;
pub mod token;
pub mod token_management;
pub mod userinfo;
pub mod webauthn;
