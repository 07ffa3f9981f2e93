//! An authentication request, from its creation through the decision to the grant.

pub mod answer;
pub mod auth_req_id;
pub mod authentication_request;
pub mod binding_message;
pub mod consequence;
pub mod decision;
pub mod delivery;
pub mod event;
pub mod evidence;
pub mod evidence_document;
pub mod grant;
pub mod lifetime;
pub mod notification;
pub mod proof;
pub mod refresh_finding;
pub mod statement;
