//! The profile FAPI-CIBA: what a client that is held to it has to be, and what it may not ask.

mod registration;
