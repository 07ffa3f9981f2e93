//! Calls the consent API as a first-party app does.

use std::io;

use axum::http::StatusCode;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

/// The API behind the gateway.
pub(super) struct ConsentApi {
    base: String,
    http: reqwest::Client,
}

/// A response of the API.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl ConsentApi {
    pub(super) fn new(base: &str) -> io::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// `GET /consent/{request}`
    pub(super) async fn read(&self, login_token: &str, request: &str) -> Answer {
        send(self.http.get(self.url(request)).bearer_auth(login_token)).await
    }

    /// `POST /consent/{request}/decision`
    pub(super) async fn decide(&self, login_token: &str, request: &str, decision: &Value) -> Answer {
        let url = format!("{}/decision", self.url(request));
        send(self.http.post(url).bearer_auth(login_token).json(decision)).await
    }

    /// Reads the request, then decides it for the client shown, as a person who has read it would: an approval
    /// repeats the `authorization_details` that were shown. Without `scope` it is of everything.
    pub(super) async fn read_and_decide(
        &self,
        login_token: &str,
        request: &str,
        decision: &str,
        scope: Option<&str>,
    ) -> Answer {
        let shown = self.read(login_token, request).await;
        if !shown.status.is_success() {
            return shown;
        }
        let mut body = json!({"client_id": shown.body["client"]["client_id"], "decision": decision});
        if decision == "approve"
            && let Some(details) = shown.body.get("authorization_details")
        {
            body["authorization_details"] = details.clone();
        }
        if let Some(scope) = scope {
            body["scope"] = json!(scope);
        }
        self.decide(login_token, request, &body).await
    }

    fn url(&self, request: &str) -> String {
        let segment: String = byte_serialize(request.as_bytes()).collect();
        format!("{}/consent/{segment}", self.base)
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let unreachable = |error: reqwest::Error| Answer {
        status: StatusCode::BAD_GATEWAY,
        body: json!({"error": "unreachable", "error_description": error.to_string()}),
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return unreachable(error),
    };
    let status = response.status();
    match response.json().await {
        Ok(body) => Answer { status, body },
        Err(error) => unreachable(error),
    }
}
