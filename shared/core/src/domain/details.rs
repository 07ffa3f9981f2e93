//! What a client requests beyond scope values, and the context of the request.

pub mod authorization_details;
pub mod format;
pub mod money;
pub mod properties;
pub mod request_context;
pub mod row;
