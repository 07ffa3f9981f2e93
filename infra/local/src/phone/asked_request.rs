//! What the phone shows about the request behind a message.

use serde::Serialize;

/// A request as the provider knows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRequest {
    /// The name of the client, or its identifier.
    pub client: String,
    pub state: RequestState,
}

/// What became of it, in the words of the person who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// It can be answered.
    Waiting,
    Approved,
    Declined,
    /// By the client or an operator.
    Cancelled,
    /// The client has sent a newer request.
    Replaced,
    /// It was not answered in time.
    Expired,
}

impl RequestState {
    /// The word on the page.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }
}
