//! A client asks for a person, and the person is told (CIBA §7).

pub mod cancel_request;
pub mod check_user_code;
pub mod describe_details;
pub mod fit_tokens;
pub mod read_request;
pub mod resolve_hint;
pub mod start_authentication;
