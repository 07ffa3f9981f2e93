//! What every endpoint's errors have in common.

/// What a client is told in one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub code: &'static str,
    /// Fixed text out of `%x20-21 / %x23-5B / %x5D-7E` (CIBA §13); never anything that was sent. What may be named of that
    /// is in [`Refusal::naming`].
    pub description: &'static str,
    /// `Allow`: the methods that the path takes (405).
    pub allow: Option<&'static str>,
    /// `WWW-Authenticate`: what would have authenticated the caller (401).
    pub challenge: Option<String>,
}

/// A row of an endpoint's errors.
pub const fn answer(status: u16, code: &'static str, description: &'static str) -> Answer {
    Answer { status, code, description, allow: None, challenge: None }
}

impl Answer {
    pub fn challenging(self, challenge: impl Into<String>) -> Self {
        Self { challenge: Some(challenge.into()), ..self }
    }
}

/// One endpoint's closed list of errors: one variant per case, and one row for each.
///
/// The status belongs to the pair of endpoint and code: `access_denied` is 403 at the backchannel
/// authentication endpoint and 400 at the token endpoint.
pub trait ProtocolError: Copy + From<Common> {
    fn answer(self) -> Answer;
}

/// What every endpoint answers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    InvalidRequest(&'static str),
    /// The client did not authenticate (RFC 6749 §5.2). Every cause looks alike.
    InvalidClient,
    /// With the methods that the path takes.
    MethodNotAllowed(&'static str),
    /// Something this provider needs does not answer now.
    TemporarilyUnavailable,
    /// Something is not as this code made it.
    ServerError,
}

impl Common {
    pub fn answer(self) -> Answer {
        match self {
            Self::InvalidRequest(why) => answer(400, "invalid_request", why),
            Self::InvalidClient => {
                answer(401, "invalid_client", "client authentication failed").challenging(CLIENT_CHALLENGE)
            }
            Self::MethodNotAllowed(methods) => Answer {
                allow: Some(methods),
                ..answer(405, "invalid_request", "the method is not supported here; see Allow")
            },
            Self::TemporarilyUnavailable => {
                answer(503, "temporarily_unavailable", "try again after the time in Retry-After")
            }
            Self::ServerError => answer(500, "server_error", "an unexpected fault; nothing was done"),
        }
    }
}

/// The challenge of the endpoints to which clients authenticate (RFC 9110 §11.6.1).
const CLIENT_CHALLENGE: &str = r#"Basic realm="client", charset="UTF-8""#;

/// `Retry-After` where nothing is known about when it will be better. Unit: seconds.
const RETRY_AFTER: u64 = 5;

/// A refusal: what the client is told, and what only the log gets to know. It has no `Display`, so that
/// inner text cannot slip into a body.
#[derive(Debug)]
pub struct Refusal<E> {
    pub error: E,
    /// For the log. May name causes; never secrets, hints or messages.
    pub detail: Option<String>,
    /// For the log: the client that is refused, where it is not authenticated.
    pub client: Option<String>,
    /// `Retry-After`. Unit: seconds.
    pub retry_after: Option<u64>,
    /// The scope value that is meant, for the client: its characters are those of a description (RFC 6749 §3.3, §5.2).
    pub scope_value: Option<String>,
}

/// A longer scope value is not named. Unit: bytes.
const MAX_NAMED: usize = 64;

impl<E: ProtocolError> Refusal<E> {
    pub fn new(error: E) -> Self {
        Self { error, detail: None, client: None, retry_after: None, scope_value: None }
    }

    pub fn because(error: impl Into<E>, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(error.into()) }
    }

    /// Something this provider needs does not answer now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::because(Common::TemporarilyUnavailable, detail).retry_after(RETRY_AFTER)
    }

    /// Something is not as this code made it.
    pub fn fault(detail: impl Into<String>) -> Self {
        Self::because(Common::ServerError, detail)
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The refusal names the scope value that it is about. `value` is one of a parsed [`Scope`](crate::domain::base::scope::Scope).
    pub fn naming(self, value: Option<&str>) -> Self {
        Self { scope_value: value.filter(|it| it.len() <= MAX_NAMED).map(str::to_owned), ..self }
    }
}

impl<E: ProtocolError> From<E> for Refusal<E> {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl<E: ProtocolError> From<Common> for Refusal<E> {
    fn from(error: Common) -> Self {
        Self::new(error.into())
    }
}
