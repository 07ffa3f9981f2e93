//! What is asked for beyond scope values, and from where.

pub mod authorization_details;
pub mod request_context;
pub mod row;
