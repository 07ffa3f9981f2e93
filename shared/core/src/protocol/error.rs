//! The common parts of all endpoints' errors.

use std::fmt;

use serde_json::Value;

/// The error response for one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub code: &'static str,
    /// A fixed text of characters in `%x20-21 / %x23-5B / %x5D-7E` (CIBA §13). It never contains anything that was
    /// sent; the only exception is [`Refusal::naming`].
    pub description: &'static str,
    /// `Allow`: the methods that the path supports (405).
    pub allow: Option<&'static str>,
    /// `WWW-Authenticate`: how the caller can authenticate, or what its authentication lacks (401, 403).
    pub challenges: Vec<Challenge>,
    /// A further member of the body, and the time that it tells. Unit: seconds since the epoch.
    pub time: Option<(&'static str, i64)>,
}

/// One row of an endpoint's table of errors.
pub const fn answer(status: u16, code: &'static str, description: &'static str) -> Answer {
    Answer { status, code, description, allow: None, challenges: Vec::new(), time: None }
}

/// The name under which a challenge is sent once more. API Gateway renames `WWW-Authenticate` of a function; the
/// template has it copy this header back.
pub const CHALLENGE_HEADER: &str = "ciba-www-authenticate";

/// A challenge (RFC 9110 §11.6.1). Its parameters are also members of the body, for clients whose gateway or browser
/// keeps the header from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme and what never changes.
    start: &'static str,
    parameters: Vec<(&'static str, Value)>,
}

impl Challenge {
    pub const fn new(start: &'static str) -> Self {
        Self { start, parameters: Vec::new() }
    }

    /// Adds a parameter: a number, or a text without quotes and backslashes.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    pub fn parameters(&self) -> &[(&'static str, Value)] {
        &self.parameters
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.start)?;
        for (name, value) in &self.parameters {
            match value.as_str() {
                Some(text) => write!(f, r#", {name}="{text}""#)?,
                None => write!(f, r#", {name}="{value}""#)?,
            }
        }
        Ok(())
    }
}

impl Answer {
    pub fn challenging(mut self, challenge: Challenge) -> Self {
        self.challenges.push(challenge);
        self
    }

    pub fn telling(self, member: &'static str, seconds: i64) -> Self {
        Self { time: Some((member, seconds)), ..self }
    }
}

/// An endpoint's closed list of errors, with one variant and one row for each case.
///
/// The status belongs to the pair of endpoint and code: `access_denied` is 403 at the backchannel
/// authentication endpoint and 400 at the token endpoint.
pub trait ProtocolError: Copy + From<Common> {
    fn answer(self) -> Answer;
}

/// The errors that all endpoints share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    InvalidRequest(&'static str),
    /// Client authentication failed (RFC 6749 §5.2). The answer is the same for all causes.
    InvalidClient,
    /// Contains the methods that the path supports.
    MethodNotAllowed(&'static str),
    /// A service that this provider depends on does not respond.
    TemporarilyUnavailable,
    /// The state is inconsistent: a fault of this provider.
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
                answer(503, "temporarily_unavailable", "retry after the time in Retry-After")
            }
            Self::ServerError => answer(500, "server_error", "an unexpected error; nothing was done"),
        }
    }
}

/// The challenge of the endpoints at which clients authenticate (RFC 9110 §11.6.1).
const CLIENT_CHALLENGE: Challenge = Challenge::new(r#"Basic realm="client", charset="UTF-8""#);

/// `Retry-After` if the time of recovery is unknown. Unit: seconds.
const RETRY_AFTER: u64 = 5;

/// A refusal: the error for the client, and the details for the log. It has no `Display`, so that internal text
/// cannot get into a response.
#[derive(Debug)]
pub struct Refusal<E> {
    pub error: E,
    /// For the log. It may name causes, but never secrets, hints or messages.
    pub detail: Option<String>,
    /// For the log: the refused client, if it was not authenticated.
    pub client: Option<String>,
    /// `Retry-After`. Unit: seconds.
    pub retry_after: Option<u64>,
    /// For the client: the scope value that the error is about. Its characters are allowed in a description
    /// (RFC 6749 §3.3, §5.2).
    pub scope_value: Option<String>,
}

/// The longest scope value that is named; a longer one is left out. Unit: bytes.
const MAX_NAMED: usize = 64;

impl<E: ProtocolError> Refusal<E> {
    pub fn new(error: E) -> Self {
        Self { error, detail: None, client: None, retry_after: None, scope_value: None }
    }

    pub fn because(error: impl Into<E>, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(error.into()) }
    }

    /// A service that this provider depends on does not respond.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::because(Common::TemporarilyUnavailable, detail).retry_after(RETRY_AFTER)
    }

    /// The state is inconsistent: a fault of this provider.
    pub fn fault(detail: impl Into<String>) -> Self {
        Self::because(Common::ServerError, detail)
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Adds the scope value that the error is about. `value` is from a parsed
    /// [`Scope`](crate::domain::base::scope::Scope).
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
