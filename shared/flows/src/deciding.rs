//! The person sees the request, and decides.

pub mod authentic_passkey;
pub mod decide;
pub mod keep_evidence;
pub mod log_in;
pub mod prove_login;
pub mod review;
pub mod statement;
