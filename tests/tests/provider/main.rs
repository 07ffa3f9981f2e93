//! The provider, seen by those who use it: its endpoints, in process, over real engines.

mod backchannel_authentication;
mod blocks;
mod budget;
mod client_assertion;
mod conflicts;
mod consent;
mod delivery;
mod discovery;
mod enrolment;
mod events;
mod flow;
mod foreign_issuer;
mod grants;
mod jose;
mod keys;
mod lost_responses;
mod notification;
mod operator;
mod outages;
mod passkey;
mod permissions;
mod races;
mod signed_request;
mod token;
