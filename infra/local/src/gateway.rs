//! A local Amazon API Gateway (HTTP API): the routes of `template.yaml`, in front of Lambda's invoke API.
//!
//! 1. Refuse what the real one refuses: headers over 10,240 bytes, a body over 10 MB, an unknown path.
//! 2. Build the payload 2.0 event.
//! 3. Invoke the function.
//! 4. Turn its result into an HTTP response, with the headers that the real one renames and copies.

mod answer;
mod client_certificate;
mod event;
mod listener;
mod request_line;
mod route;

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

use tokio_rustls::TlsAcceptor;

use crate::{clock, id, server::Server};
pub use event::Door;
use event::Origin;
use listener::{Arrival, PlainListener, TlsListener};
pub use route::Route;

/// Request line and headers together; the service's own quota.
const HEADER_LIMIT: usize = 10_240;

/// The service's own quota.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The maximum number of concurrent invocations; others wait. `cargo lambda watch` stops responding altogether
/// when two hundred wait for one function (seen with 1.9.2); Lambda itself would start more instances.
const CONCURRENT_INVOCATIONS: usize = 32;

/// How long an HTTP API waits for an integration.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

struct Gateway {
    routes: Vec<Route>,
    invoke_base: String,
    http: reqwest::Client,
    timeout: Duration,
    invocations: Semaphore,
}

/// Serves `routes` on `listener`, invoking functions at
/// `{invoke_base}/2015-03-31/functions/<function>/invocations`. It ends when the server is dropped.
///
/// # Errors
/// If the listener has no local address.
pub fn serve(listener: TcpListener, routes: Vec<Route>, invoke_base: &str) -> io::Result<Server> {
    serve_with_timeout(listener, routes, invoke_base, INTEGRATION_TIMEOUT)
}

/// [`serve`], with a time-out other than the real service's 30 seconds.
///
/// # Errors
/// If the listener has no local address.
pub fn serve_with_timeout(
    listener: TcpListener,
    routes: Vec<Route>,
    invoke_base: &str,
    timeout: Duration,
) -> io::Result<Server> {
    let router = router(routes, invoke_base, timeout)?;
    Server::run(listener, |listener| async move {
        let service = router.into_make_service_with_connect_info::<Arrival>();
        let _ = axum::serve(PlainListener(listener), service).await;
    })
}

/// [`serve`] over TLS. `authority` is the name of the host for mutual TLS, if `acceptor` asks for certificates.
///
/// # Errors
/// If the listener has no local address.
pub fn serve_tls(
    listener: TcpListener,
    routes: Vec<Route>,
    invoke_base: &str,
    acceptor: TlsAcceptor,
    authority: Option<String>,
) -> io::Result<Server> {
    let router = router(routes, invoke_base, INTEGRATION_TIMEOUT)?;
    Server::run(listener, |listener| async move {
        let service = router.into_make_service_with_connect_info::<Arrival>();
        if let Ok(listener) = TlsListener::new(listener, acceptor, authority) {
            let _ = axum::serve(listener, service).await;
        }
    })
}

fn router(routes: Vec<Route>, invoke_base: &str, timeout: Duration) -> io::Result<Router> {
    let invoke_base = invoke_base.trim_end_matches('/').to_owned();
    let http = crate::server::loopback_client().map_err(io::Error::other)?;
    let gateway = Arc::new(Gateway {
        routes,
        invoke_base,
        http,
        timeout,
        invocations: Semaphore::new(CONCURRENT_INVOCATIONS),
    });
    Ok(Router::new().fallback(receive).with_state(gateway))
}

/// The function that a request is routed to, and the event that it would get: for tests that invoke functions
/// without this gateway. `None` if no route matches the request.
pub fn event(routes: &[Route], request: axum::http::Request<Bytes>) -> Option<(String, Value)> {
    event_by(routes, request, &Door::Plain)
}

/// [`event`], for a request that arrived through this door.
pub fn event_by(
    routes: &[Route],
    request: axum::http::Request<Bytes>,
    door: &Door,
) -> Option<(String, Value)> {
    let (parts, body) = request.into_parts();
    let path = event::path(&parts);
    let matched = route::find(routes, &parts.method, &path)?;
    let (source, request_id) = (Ipv4Addr::LOCALHOST.into(), &id::token());
    let origin = Origin { source, door, request_id, at: clock::now() };
    Some((matched.route.function.clone(), event::build(&parts, &path, &body, &matched, &origin)))
}

async fn receive(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(arrival): ConnectInfo<Arrival>,
    request: Request,
) -> Response {
    let request_id = id::token();
    let (parts, body) = request.into_parts();
    let mut response = match gateway.handle(&parts, body, &arrival, &request_id).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    response
}

impl Gateway {
    async fn handle(
        &self,
        parts: &Parts,
        body: Body,
        arrival: &Arrival,
        request_id: &str,
    ) -> Result<Response, Refusal> {
        if header_size(parts) > HEADER_LIMIT {
            return Err(Refusal::HeadersTooLarge);
        }
        // Reading also fails if the client has disconnected; it does not read the response then.
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| Refusal::BodyTooLarge)?;
        let path = event::path(parts);
        let matched = route::find(&self.routes, &parts.method, &path).ok_or(Refusal::NotFound)?;
        let source = arrival.peer.ip();
        let origin = Origin { source, door: &arrival.door, request_id, at: clock::now() };
        let event = event::build(parts, &path, &body, &matched, &origin);
        let payload = self.invoke(&matched.route.function, &event).await?;
        answer::response(&payload, &matched.route.copied_headers).ok_or_else(|| {
            eprintln!("gateway: the result of {} is not an HTTP response", matched.route.function);
            Refusal::IntegrationFailed
        })
    }

    async fn invoke(&self, function: &str, event: &Value) -> Result<Value, Refusal> {
        let failed = |error: reqwest::Error| {
            eprintln!("gateway: invoking {function}: {error}");
            if error.is_timeout() { Refusal::IntegrationTimeout } else { Refusal::IntegrationFailed }
        };
        // The semaphore is never closed, so this cannot fail.
        let _permit = self.invocations.acquire().await;
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.invoke_base);
        let answer = self.http.post(url).json(event).timeout(self.timeout).send().await.map_err(failed)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(failed)?;
        let payload = serde_json::from_slice::<Value>(&bytes).ok();
        match payload {
            Some(payload) if status == StatusCode::OK && payload.get("errorType").is_none() => Ok(payload),
            Some(_) | None => {
                eprintln!("gateway: {function} failed ({status}): {}", String::from_utf8_lossy(&bytes));
                Err(Refusal::IntegrationFailed)
            }
        }
    }
}

/// The size of the request line and headers in HTTP/1.1.
fn header_size(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(1, |it| it.as_str().len());
    let line = parts.method.as_str().len() + target + "  HTTP/1.1\r\n".len();
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + fields.sum::<usize>()
}

/// The responses of the gateway itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NotFound,
    BodyTooLarge,
    HeadersTooLarge,
    IntegrationFailed,
    IntegrationTimeout,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large")
            }
            Self::IntegrationFailed => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::IntegrationTimeout => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        (status, Json(json!({ "message": message }))).into_response()
    }
}

#[cfg(test)]
mod tests;
