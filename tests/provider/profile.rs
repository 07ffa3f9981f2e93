//! The profile FAPI-CIBA: what a client that is held to it has to be, and what it has to send.

mod flow;
mod registration;
