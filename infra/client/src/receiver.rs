//! Step 3 in the modes ping and push: the client notification endpoint, at which the OP announces the decision.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::{Failure, Refusal};
use crate::http::is_json;
use crate::options::Mode;
use crate::secret::Secret;
use crate::token::Tokens;

/// The path of the endpoint, with which the client is registered.
pub const PATH: &str = "/ciba";

/// Spec: CIBA §7.1: at least 128 bits. Unit: bytes.
const TOKEN_LENGTH: usize = 32;

/// The notification may arrive before the acknowledgement, which names the request.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// What the OP sent. Spec: CIBA §10.2, §10.3.1, §12.
#[derive(Debug)]
pub enum Notification {
    /// The result can be fetched.
    Ping,
    /// The tokens themselves.
    Tokens(Tokens),
    /// An error instead of tokens.
    Refused(Refusal),
}

/// The running endpoint; dropping it closes the port.
pub struct Receiver {
    token: Secret,
    acknowledged: watch::Sender<Option<Secret>>,
    notifications: mpsc::Receiver<Notification>,
    server: JoinHandle<()>,
}

struct Endpoint {
    mode: Mode,
    token: Secret,
    acknowledged: watch::Receiver<Option<Secret>>,
    notifications: mpsc::Sender<Notification>,
}

impl Receiver {
    /// Listens on a port of this machine, for one request.
    ///
    /// # Errors
    /// `Failure::Protocol` if the port is in use, or this machine has no randomness.
    pub async fn listen(mode: Mode, port: u16) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Protocol(format!("port {port} on this machine: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let mut random = [0; TOKEN_LENGTH];
        rand::fill(&mut random).map_err(|_| Failure::Protocol("no randomness".to_owned()))?;
        let token = Secret::from(URL_SAFE_NO_PAD.encode(random));
        let (acknowledged, request) = watch::channel(None);
        // One is enough: later ones are repetitions.
        let (sender, notifications) = mpsc::channel(1);
        let endpoint = Endpoint { mode, token: token.clone(), acknowledged: request, notifications: sender };
        let router = Router::new().route(PATH, post(receive)).with_state(Arc::new(endpoint));
        let server = tokio::spawn(async move {
            // It retries after accept errors, and so never ends by itself.
            _ = axum::serve(listener, router).await;
        });
        Ok(Self { token, acknowledged, notifications, server })
    }

    /// The `client_notification_token` of this request.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Sets the request that a notification has to name.
    pub fn expect(&self, auth_req_id: &Secret) {
        self.acknowledged.send_replace(Some(auth_req_id.clone()));
    }

    /// The first notification; `None` if none arrives in time.
    pub async fn receive(&mut self, until: Instant) -> Option<Notification> {
        timeout_at(until, self.notifications.recv()).await.ok().flatten()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_authenticated(&headers, &endpoint.token) {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    let mut acknowledged = endpoint.acknowledged.clone();
    let known = timeout(ACKNOWLEDGED_WITHIN, acknowledged.wait_for(Option::is_some)).await;
    let Ok(Ok(request)) = known.map(|known| known.map(|request| request.clone())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match request.and_then(|request| read(endpoint.mode, &request, &headers, &body)) {
        Some(notification) => {
            // There is no room for a repetition, which gets the same response as the first.
            _ = endpoint.notifications.try_send(notification);
            StatusCode::NO_CONTENT.into_response()
        }
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Spec: CIBA §10.2, §10.3.1: the `client_notification_token` as a bearer token.
fn is_authenticated(headers: &HeaderMap, token: &Secret) -> bool {
    let value = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let (scheme, given) = value.split_at(value.len().min("Bearer ".len()));
    // The scheme is case-insensitive (RFC 9110 §11.1).
    scheme.eq_ignore_ascii_case(b"Bearer ")
        && verify_slices_are_equal(given, token.expose().as_bytes()).is_ok()
}

/// The notification in a body, if it is one that this client expects.
fn read(mode: Mode, request: &Secret, headers: &HeaderMap, body: &[u8]) -> Option<Notification> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
    let body: Value = serde_json::from_slice(body).ok().filter(|_| is_json(content_type))?;
    let about = body["auth_req_id"].as_str()?;
    verify_slices_are_equal(about.as_bytes(), request.expose().as_bytes()).ok()?;
    let members = body.as_object()?;
    match mode {
        Mode::Poll => None,
        // Spec: CIBA §10.2. A client in ping mode must not be sent tokens.
        Mode::Ping => (members.len() == 1).then_some(Notification::Ping),
        // Spec: CIBA §10.3.1, §12.
        Mode::Push if members.contains_key("error") => {
            Refusal::deserialize(&body).ok().map(Notification::Refused)
        }
        Mode::Push => Tokens::read(body).ok().map(Notification::Tokens),
    }
}

#[cfg(test)]
mod tests;
