//! The phone's JSON, for scripts and tests.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, chat::Posted, consent::Answer, messages::Messages, pages};
use crate::login_issuer::LIFETIME;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(pages::router())
        .route("/messages", get(messages))
        .route("/people/{sub}/requests/{request}", get(read))
        .route("/people/{sub}/requests/{request}/decision", post(decide))
        .route("/people/{sub}/ticket", post(ticket))
        .route("/users/{sub}/token", post(token))
        .route("/decide", post(decide_as_asked))
        .route("/webhooks/{*address}", post(webhook))
        .merge(shared.login_issuer.router())
        .layer(middleware::from_fn(refuse_other_sites))
        .with_state(shared)
}

/// The phone's own errors, in the form of the consent API's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownPerson,
    UnknownRequest,
    UnknownAction,
    NoLogin,
    NoTicket,
    OtherSite,
    NoToken,
}

impl Refusal {
    /// Status, `error` and `error_description`.
    pub(super) const fn answer(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::UnknownPerson => (StatusCode::NOT_FOUND, "not_found", "no such person"),
            Self::UnknownRequest => (StatusCode::NOT_FOUND, "not_found", "no such auth_req_id"),
            Self::UnknownAction => (StatusCode::BAD_REQUEST, "invalid_request", "action is allow or deny"),
            Self::NoLogin => {
                let why =
                    "this person has no known login: enrol them with a login value that equals their sub";
                (StatusCode::CONFLICT, "no_login", why)
            }
            Self::NoTicket => {
                let why = "no ticket for this person, who is unknown, disabled, or has ten passkeys";
                (StatusCode::CONFLICT, "no_ticket", why)
            }
            Self::OtherSite => (StatusCode::FORBIDDEN, "forbidden", "requested by another site"),
            Self::NoToken => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "no token could be signed"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = self.answer();
        (status, Json(json!({"error": error, "error_description": description}))).into_response()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// The phone acts for people without asking them, so pages of other sites must not be able to use it.
async fn refuse_other_sites(headers: HeaderMap, request: Request, next: Next) -> Result<Response, Refusal> {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    // Only under its own names: a foreign name that resolves to this machine is also another site.
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let own_origin = text(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    if matches!(name, "localhost" | "127.0.0.1") && own_origin {
        Ok(next.run(request).await)
    } else {
        Err(Refusal::OtherSite)
    }
}

async fn messages(State(shared): State<Arc<Shared>>) -> Json<Messages> {
    Json(Messages::read(&shared).await)
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((sub, request)): Path<(String, String)>,
) -> Result<Answer, Refusal> {
    let token = shared.login_token(&sub).await?;
    Ok(shared.consent.read(&token, &request).await)
}

async fn decide(
    State(shared): State<Arc<Shared>>,
    Path((sub, request)): Path<(String, String)>,
    Json(decision): Json<Value>,
) -> Result<Answer, Refusal> {
    let token = shared.login_token(&sub).await?;
    Ok(shared.consent.decide(&token, &request, &decision).await)
}

/// A link for creating a passkey, as an operator's tool prints it.
async fn ticket(State(shared): State<Arc<Shared>>, Path(sub): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({"link": shared.ticket_link(&sub).await?})))
}

async fn token(State(shared): State<Arc<Shared>>, Path(sub): Path<String>) -> Result<Json<Value>, Refusal> {
    let token = shared.login_token(&sub).await?;
    Ok(Json(json!({"login_token": token, "expires_in": LIFETIME})))
}

/// An incoming webhook of the chat, which the operator's notifier calls.
async fn webhook(
    State(shared): State<Arc<Shared>>,
    Path(address): Path<String>,
    Json(posted): Json<Posted>,
) -> &'static str {
    shared.chat.receive(address, posted);
    "ok"
}

#[derive(Debug, Deserialize)]
struct Decide {
    #[serde(default)]
    auth_req_id: String,
    #[serde(default)]
    action: String,
}

async fn decide_as_asked(
    State(shared): State<Arc<Shared>>,
    Query(Decide { auth_req_id, action }): Query<Decide>,
) -> Result<Answer, Refusal> {
    let decision = match action.as_str() {
        "allow" => "approve",
        "deny" => "deny",
        _ => return Err(Refusal::UnknownAction),
    };
    let request = shared.directory.open(&auth_req_id).await.ok_or(Refusal::UnknownRequest)?;
    let sub = shared.asked(&request).await.ok_or(Refusal::UnknownRequest)?;
    let token = shared.login_token(&sub).await?;
    Ok(shared.consent.read_and_decide(&token, &request, decision, None).await)
}
