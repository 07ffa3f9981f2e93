//! The issuers whose tokens this provider trusts, the login of a person there, and the schedule of its own keys.

pub mod browser_login;
pub mod hint_issuer;
pub mod id_token;
pub mod key_schedule;
pub mod login_assertion;
pub mod login_attempt;
pub mod login_issuer;
pub mod new_people;
pub mod session;
