//! JSON 1.1 as KMS uses it: the operation in a header, bytes as base64, the error's name in `__type`.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: &str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn validation(message: &str) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn invalid_ciphertext() -> Self {
        // KMS gives no message here, either.
        Self::new("InvalidCiphertextException", "")
    }

    pub(super) fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..Self::new("KMSInternalException", "An internal error occurred") }
    }

    pub(super) fn response(&self) -> Response {
        let body = json!({"__type": self.code, "message": self.message}).to_string();
        (self.status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
    }
}

pub(super) fn answer(output: &Value) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], output.to_string()).into_response()
}

/// `TrentService.Decrypt` is `Decrypt`; empty if the header names no operation.
pub(super) fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    target.strip_prefix("TrentService.").unwrap_or_default().to_owned()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

pub(super) fn bytes(input: &Value, name: &str) -> Result<Vec<u8>, Refusal> {
    let text = input[name].as_str().ok_or_else(|| Refusal::validation(&format!("{name} is missing")))?;
    BASE64_STANDARD.decode(text).map_err(|_| Refusal::new("SerializationException", "not base64"))
}
