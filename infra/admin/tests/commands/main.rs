//! The commands against a table and a published issuer of a test's own.

mod authorization_details;
mod client;
mod deployment;
mod doctor;
mod key;
mod passkey;
mod person;
