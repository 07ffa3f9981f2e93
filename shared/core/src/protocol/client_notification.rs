//! The requests to the client notification endpoint (CIBA §10.2, §10.3.1, §12).

use serde::Serialize;

use crate::domain::request::auth_req_id::AuthReqId;
use crate::domain::request::delivery::PushError;
use crate::protocol::token::TokenResponse;

/// A ping: its only member is `auth_req_id`, without a result (CIBA §10.2).
#[derive(Serialize)]
pub struct Ping<'a> {
    pub auth_req_id: &'a AuthReqId,
}

/// A push: the token response, and the request that it belongs to (CIBA §10.3.1).
#[derive(Serialize)]
pub struct PushedTokens<'a> {
    #[serde(flatten)]
    pub tokens: &'a TokenResponse,
    pub auth_req_id: &'a AuthReqId,
}

/// A push of an error (CIBA §12).
#[derive(Serialize)]
pub struct PushedError<'a> {
    pub error: &'static str,
    pub error_description: &'static str,
    pub auth_req_id: &'a AuthReqId,
}

impl<'a> PushedError<'a> {
    pub fn new(error: PushError, auth_req_id: &'a AuthReqId) -> Self {
        Self { error: error.code(), error_description: error.description(), auth_req_id }
    }
}

impl PushError {
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::TransactionFailed => "transaction_failed",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::AccessDenied => "the request was denied",
            Self::ExpiredToken => "the request has expired; start a new authentication request",
            Self::TransactionFailed => {
                "the request was cancelled, or its tokens could not be delivered and were revoked"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    fn x() -> AuthReqId {
        AuthReqId::sealed("x".to_owned())
    }

    /// CIBA-10.2-03
    #[test]
    fn a_ping_says_which_request_and_nothing_else() {
        assert_eq!(to_value(Ping { auth_req_id: &x() }).unwrap(), json!({"auth_req_id": "x"}));
    }

    /// CIBA-12-01, CIBA-12-02
    #[test]
    fn a_pushed_error_has_its_code_a_description_and_the_request() {
        for (error, code) in [
            (PushError::AccessDenied, "access_denied"),
            (PushError::ExpiredToken, "expired_token"),
            (PushError::TransactionFailed, "transaction_failed"),
        ] {
            let body = to_value(PushedError::new(error, &x())).unwrap();
            let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, ["auth_req_id", "error", "error_description"]);
            assert_eq!((&body["error"], &body["auth_req_id"]), (&json!(code), &json!("x")));
        }
    }
}
