//! The errors of the paths for logging in. People see pages; only a wrong path or method gets one of these.

use derive_more::From;

use crate::protocol::error::{Answer, Common, ProtocolError, answer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum LoginError {
    #[from]
    Common(Common),
    NotFound,
}

impl ProtocolError for LoginError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::NotFound => answer(404, "not_found", "there is nothing at this path"),
        }
    }
}
