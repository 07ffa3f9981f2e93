//! The provider, seen by those who use it: its endpoints, in process, over real engines.

mod backchannel_authentication;
mod budget;
mod consent;
mod discovery;
mod enrolment;
mod flow;
mod keys;
mod lost_responses;
mod notification;
mod operator;
mod permissions;
mod races;
mod token;
