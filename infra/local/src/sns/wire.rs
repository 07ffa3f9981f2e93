//! SNS's responses: XML of the query protocol.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::id;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    pub(super) code: String,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn internal() -> Self {
        Self::new(500, "InternalError", "An internal error occurred")
    }

    pub(super) fn response(&self) -> Response {
        let at_fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let (code, message, request) = (escape(&self.code), escape(&self.message), id::uuid());
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{at_fault}</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"
        );
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
    }
}

pub(super) fn accepted(message_id: &str) -> Response {
    let request = id::uuid();
    let body = format!(
        "<PublishResponse xmlns=\"{NAMESPACE}\"><PublishResult><MessageId>{message_id}</MessageId>\
         </PublishResult><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></PublishResponse>"
    );
    ([(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
