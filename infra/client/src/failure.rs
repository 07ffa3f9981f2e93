//! Every way in which a sign-in can end without verified tokens, with its message and its exit code.

use std::fmt;

use serde::Deserialize;

use crate::http::Reply;
use crate::verification::Unverified;

/// Shown by `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  tokens received and verified against the JWKS
   1  the OP's metadata or a response violates the specifications
   2  wrong usage
   3  access_denied: the person or the OP refused
   4  expired_token, or the request expired while waiting
   5  invalid_grant: the auth_req_id is unknown, another client's, or already used
   6  the authentication request was refused for another reason
   7  the token request was refused for another reason
   8  invalid_client: the client could not be authenticated
   9  tokens received, but verification failed: they were discarded
  10  the OP could not be reached, or is overloaded";

/// Why there are no verified tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The OP sent something that the specifications do not allow.
    Protocol(String),
    /// `access_denied` from the backchannel authentication endpoint: the person was not asked (CIBA §13).
    NotAsked(Refusal),
    /// `access_denied` from the token endpoint (CIBA §11).
    Denied(Refusal),
    /// `expired_token`, or no further poll is possible before `expires_in` has passed.
    Expired(Option<Refusal>),
    /// `invalid_grant`; `answer_lost` if the response to an earlier poll, perhaps with the tokens, was lost.
    InvalidGrant { refusal: Refusal, answer_lost: bool },
    /// Any other refusal of the authentication request (CIBA §13).
    AuthenticationRequest(Refusal),
    /// Any other refusal of the token request (CIBA §11).
    TokenRequest(Refusal),
    /// `invalid_client` at either endpoint.
    InvalidClient(Refusal),
    /// Tokens were received, but at least one of them is not valid.
    NotVerified(Unverified),
    /// No response, or one that asks to retry later where this client does not retry.
    Unavailable(String),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Protocol(_) => 1,
            Self::NotAsked(_) | Self::Denied(_) => 3,
            Self::Expired(_) => 4,
            Self::InvalidGrant { .. } => 5,
            Self::AuthenticationRequest(_) => 6,
            Self::TokenRequest(_) => 7,
            Self::InvalidClient(_) => 8,
            Self::NotVerified(_) => 9,
            Self::Unavailable(_) => 10,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => f.write_str(what),
            Self::NotAsked(refusal) => {
                write!(f, "the OP refused before the person was asked ({refusal})")
            }
            Self::Denied(refusal) => write!(f, "the request was denied ({refusal})"),
            Self::Expired(Some(refusal)) => write!(f, "nobody decided in time ({refusal})"),
            Self::Expired(None) => f.write_str("nobody decided in time (expires_in has passed)"),
            Self::InvalidGrant { refusal, answer_lost: false } => {
                write!(f, "the auth_req_id is unknown, another client's, or already used ({refusal})")
            }
            Self::InvalidGrant { refusal, answer_lost: true } => {
                write!(f, "the tokens were probably in a response that was lost; start again ({refusal})")
            }
            Self::AuthenticationRequest(refusal) => {
                write!(f, "the authentication request was refused ({refusal})")
            }
            Self::TokenRequest(refusal) => write!(f, "the token request was refused ({refusal})"),
            Self::InvalidClient(refusal) => {
                write!(f, "the client identifier, the secret or --auth-method is wrong ({refusal})")
            }
            Self::NotVerified(unverified) => write!(f, "{unverified}; the tokens were discarded"),
            Self::Unavailable(what) => f.write_str(what),
        }
    }
}

/// An error response. Spec: RFC 6749 §5.2, CIBA §13. Clients read the body, not only the status.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Refusal {
    pub error: String,
    pub error_description: Option<String>,
}

impl Refusal {
    /// # Errors
    /// `Failure::Protocol` if the response is not an OAuth error.
    pub fn read(endpoint: &str, reply: &Reply) -> Result<Self, Failure> {
        serde_json::from_slice(&reply.body).map_err(|_| {
            Failure::Protocol(format!(
                "the {endpoint} responded with {} without an OAuth error",
                reply.status
            ))
        })
    }
}

/// The OP's text is printed on a terminal: control characters are escaped.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error.escape_debug())?;
        match &self.error_description {
            Some(description) => write!(f, ": {}", description.escape_debug()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{Defect, Token};

    #[test]
    fn every_exit_code_is_documented() {
        let refusal = || Refusal { error: "e".to_owned(), error_description: None };
        let failures = [
            Failure::Protocol(String::new()),
            Failure::NotAsked(refusal()),
            Failure::Denied(refusal()),
            Failure::Expired(None),
            Failure::InvalidGrant { refusal: refusal(), answer_lost: false },
            Failure::AuthenticationRequest(refusal()),
            Failure::TokenRequest(refusal()),
            Failure::InvalidClient(refusal()),
            Failure::NotVerified(Unverified { token: Token::Id, defect: Defect::Signature }),
            Failure::Unavailable(String::new()),
        ];
        for failure in failures {
            assert!(EXIT_CODES.contains(&format!("\n  {:>2}  ", failure.exit_code())), "{failure:?}");
        }
    }

    #[test]
    fn a_refusal_shows_its_description_without_control_characters() {
        let refusal =
            Refusal { error: "access_denied".to_owned(), error_description: Some("a\u{1b}[2Jb".to_owned()) };
        assert_eq!(refusal.to_string(), "access_denied: a\\u{1b}[2Jb");
    }
}
