//! The commands against a table and an issuer that belong to each test alone.

mod authorization_details;
mod client;
mod deployment;
mod doctor;
mod key;
mod passkey;
mod person;
