//! JSON 1.0 as SQS uses it: the operation in a header, and the error's name twice, once as in the older protocol.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) code: String,
    /// Its name in the query protocol.
    older_code: String,
    pub(super) message: String,
}

impl Refusal {
    /// An error with only one name.
    pub(super) fn new(code: &str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.to_owned(),
            older_code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// An error with another name in the query protocol.
    pub(super) fn named(code: &str, older_code: &str, message: &str) -> Self {
        Self { older_code: format!("AWS.SimpleQueueService.{older_code}"), ..Self::new(code, message) }
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", &format!("The request must contain the parameter {parameter}."))
    }

    pub(super) fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..Self::new("InternalFailure", "The request processing has failed") }
    }

    pub(super) fn response(&self) -> Response {
        let fault = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let error = format!("{};{fault}", self.older_code);
        let body = json!({"__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message});
        let headers = [(header::CONTENT_TYPE.as_str(), CONTENT_TYPE), ("x-amzn-query-error", &error)];
        (self.status, headers, body.to_string()).into_response()
    }

    /// As the failure of one entry of a batch.
    pub(super) fn entry(&self, id: &str) -> Value {
        json!({"Id": id, "SenderFault": true, "Code": self.older_code, "Message": self.message})
    }
}

pub(super) fn answer(output: &Value) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], output.to_string()).into_response()
}

/// `AmazonSQS.SendMessage` is `SendMessage`; empty if the header names no operation.
pub(super) fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    target.strip_prefix("AmazonSQS.").unwrap_or_default().to_owned()
}
