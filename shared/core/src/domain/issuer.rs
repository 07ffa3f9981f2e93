//! The issuers whose tokens this provider trusts, and the schedule of its own keys.

pub mod hint_issuer;
pub mod key_schedule;
pub mod login_issuer;
