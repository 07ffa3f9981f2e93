//! Passkeys: the ceremonies, and enrollment.

mod announcement;
mod ceremony;
mod enrollment;
mod odd_input;
mod races;
