//! What happens: each flow is a list of numbered steps.

pub mod announce;
pub mod authenticate_client;
pub mod block_client;
pub mod cancel_request;
pub mod check_token;
pub mod check_user_code;
pub mod create_ticket;
pub mod dead_letters;
pub mod decide;
pub mod describe_details;
pub mod emit;
pub mod enroll_passkey;
pub mod enroll_person;
pub mod fit_tokens;
pub mod introspect;
mod invocation;
pub mod issue_tokens;
pub mod notify_client;
pub mod poll;
pub mod prove_person;
pub mod prove_possession;
pub mod read_request;
pub mod redeem;
pub mod refresh;
pub mod register_client;
pub mod remove_passkey;
pub mod resolve_hint;
pub mod review;
pub mod revoke;
pub mod rotate_keys;
pub mod start_authentication;
pub mod statement;

pub use invocation::Invocation;
