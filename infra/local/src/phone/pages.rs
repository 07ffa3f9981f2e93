//! The phone's pages, which work without script.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use url::form_urlencoded;

use super::{
    Shared,
    api::Refusal,
    app,
    messages::{self, Messages},
};
use crate::clock;

const SCRIPT: &str = include_str!("phone.js");

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(list))
        .route(messages::SCRIPT_PATH, get(|| async { ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT) }))
        .route("/people/{sub}/passkey", post(create_passkey))
        .route("/people/{sub}/requests/{request}/app", get(read).post(decide))
}

async fn list(State(shared): State<Arc<Shared>>) -> Response {
    Messages::read(&shared).await.page(clock::since_epoch(clock::now()).as_secs())
}

async fn create_passkey(
    State(shared): State<Arc<Shared>>,
    Path(sub): Path<String>,
) -> Result<Redirect, Refusal> {
    Ok(Redirect::to(&shared.ticket_link(&sub).await?))
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((sub, request)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let token = shared.login_token(&sub).await?;
    Ok(app::page(&shared.consent.read(&token, &request).await))
}

async fn decide(
    State(shared): State<Arc<Shared>>,
    Path((sub, request)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let values = |wanted: &str| {
        let values = form.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(" ")
    };
    let (decision, scope) = (values("decision"), values("scope"));
    let scope = (decision == "approve").then_some(scope.as_str());
    let token = shared.login_token(&sub).await?;
    let answer = shared.consent.read_and_decide(&token, &request, &decision, scope).await;
    if answer.status.is_success() {
        Ok(Redirect::to(&messages::app_path(&sub, &request)).into_response())
    } else {
        Ok(app::page(&answer))
    }
}
