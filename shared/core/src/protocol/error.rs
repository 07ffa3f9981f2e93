//! What every endpoint's errors have in common.

/// One endpoint's closed list of errors: one variant per code, in the order of its specification.
///
/// The status belongs to the pair of endpoint and code: `access_denied` is 403 at the backchannel
/// authentication endpoint and 400 at the token endpoint.
pub trait ProtocolError: Copy {
    const TEMPORARILY_UNAVAILABLE: Self;
    const SERVER_ERROR: Self;

    fn code(self) -> &'static str;
    fn status(self) -> u16;
    /// Fixed text out of `%x20-21 / %x23-5B / %x5D-7E` (CIBA §13); never anything that was sent. What may be named of that
    /// is in [`Refusal::naming`].
    fn description(self) -> &'static str;

    /// `Allow`: the methods that the path takes (405).
    fn allow(self) -> Option<&'static str> {
        None
    }

    /// `WWW-Authenticate`: what would have authenticated the caller (401).
    fn challenge(self) -> Option<String> {
        None
    }
}

/// What the endpoints to which clients authenticate have in common (RFC 6749 §5.2).
pub trait ClientFacingError: ProtocolError {
    const INVALID_CLIENT: Self;
    const METHOD_NOT_ALLOWED: Self;

    fn invalid_request(why: &'static str) -> Self;
}

/// The challenge of those endpoints (RFC 9110 §11.6.1).
pub const CLIENT_CHALLENGE: &str = r#"Basic realm="client", charset="UTF-8""#;

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

    pub fn because(error: E, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(error) }
    }

    /// Something this provider needs does not answer now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::because(E::TEMPORARILY_UNAVAILABLE, detail).retry_after(RETRY_AFTER)
    }

    /// Something is not as this code made it.
    pub fn fault(detail: impl Into<String>) -> Self {
        Self::because(E::SERVER_ERROR, detail)
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
