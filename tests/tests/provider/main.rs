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
mod keys;
mod lost_responses;
mod mutual_tls;
mod notification;
mod operator;
mod outages;
mod passkey;
mod permissions;
mod profile;
mod prover;
mod races;
mod subjects;
mod token;
