//! Passkeys: the ceremonies, and enrolment.

mod announcement;
mod ceremony;
mod enrolment;
mod odd_input;
mod races;
