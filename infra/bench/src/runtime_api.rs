//! A stand-in for the Lambda Runtime API, for one function: it returns one event at a time and measures the time.
//!
//! Spec: "Using the Lambda runtime API for custom runtimes", version 2018-06-01.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ciba_local::server::{Server, listen};
use ciba_local::{Error, clock};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longer than anything that is measured; a function that takes this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The functions' time-out, as in the template.
const DEADLINE: Duration = ciba::http::serve::TIMEOUT;

/// The API of one function.
pub struct RuntimeApi {
    server: Server,
    asked: UnboundedReceiver<Asked>,
    answers: UnboundedReceiver<Answered>,
    /// The function has asked for its next event, and is waiting for it.
    waiting: Option<oneshot::Sender<Bytes>>,
}

/// `GET /invocation/next`
struct Asked {
    at: Instant,
    give: oneshot::Sender<Bytes>,
}

/// `POST /invocation/{id}/response`, or an error report.
struct Answered {
    at: Instant,
    answer: Result<Bytes, Bytes>,
}

#[derive(Clone)]
struct Senders {
    asked: UnboundedSender<Asked>,
    answers: UnboundedSender<Answered>,
}

impl RuntimeApi {
    pub async fn start() -> Result<Self, Error> {
        let (asked, receive_asked) = unbounded_channel();
        let (answers, receive_answers) = unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Senders { asked, answers });
        let server = Server::start(listen(0).await?, router)?;
        Ok(Self { server, asked: receive_asked, answers: receive_answers, waiting: None })
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Waits until the function asks for an event, and returns the time.
    pub async fn asked(&mut self) -> Result<Instant, Error> {
        let asked = tokio::select! {
            asked = timeout(PATIENCE, self.asked.recv()) => asked.ok().flatten(),
            Some(report) = self.answers.recv() => return Err(failed(&report)),
        };
        let asked = asked.ok_or("it does not ask for an event")?;
        self.waiting = Some(asked.give);
        Ok(asked.at)
    }

    /// Passes an event to a function that has asked, and returns its response and how long it took.
    pub async fn invoke(&mut self, event: Bytes) -> Result<(Bytes, Duration), Error> {
        let give = self.waiting.take().ok_or("it has not asked for an event")?;
        let begun = Instant::now();
        give.send(event).map_err(|_| "it disconnected")?;
        let answered =
            timeout(PATIENCE, self.answers.recv()).await.ok().flatten().ok_or("it does not respond")?;
        match &answered.answer {
            Ok(body) => Ok((body.clone(), answered.at - begun)),
            Err(_) => Err(failed(&answered)),
        }
    }
}

fn failed(report: &Answered) -> Error {
    let (Ok(body) | Err(body)) = &report.answer;
    format!("it failed: {}", String::from_utf8_lossy(body)).into()
}

async fn next(State(senders): State<Senders>) -> Response {
    let (give, event) = oneshot::channel();
    let _ = senders.asked.send(Asked { at: Instant::now(), give });
    // After the measurement there are no more events, and the function is ended.
    let Ok(event) = event.await else { return StatusCode::GONE.into_response() };
    let deadline = clock::since_epoch(clock::now()) + DEADLINE;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:it".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(senders): State<Senders>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    report(&senders, Ok(body))
}

async fn error(State(senders): State<Senders>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    report(&senders, Err(body))
}

async fn init_error(State(senders): State<Senders>, body: Bytes) -> StatusCode {
    report(&senders, Err(body))
}

fn report(senders: &Senders, answer: Result<Bytes, Bytes>) -> StatusCode {
    let _ = senders.answers.send(Answered { at: Instant::now(), answer });
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(address: &str, head: &str, body: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: it\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn an_event_goes_out_on_request_and_the_answer_comes_back() {
        let mut api = RuntimeApi::start().await.unwrap();
        let address = api.address();
        let function = tokio::spawn(async move {
            let next = call(&address, "GET /2018-06-01/runtime/invocation/next", "").await;
            assert!(next.contains("lambda-runtime-deadline-ms") && next.ends_with("event"), "{next}");
            call(&address, "POST /2018-06-01/runtime/invocation/1/response", "answer").await
        });
        api.asked().await.unwrap();
        let (answer, took) = api.invoke(Bytes::from_static(b"event")).await.unwrap();
        assert_eq!(answer, "answer");
        assert!(took > Duration::ZERO);
        assert!(function.await.unwrap().starts_with("HTTP/1.1 202"));
    }

    #[tokio::test]
    async fn a_function_that_reports_an_error_has_failed() {
        let mut api = RuntimeApi::start().await.unwrap();
        let address = api.address();
        tokio::spawn(async move {
            call(&address, "GET /2018-06-01/runtime/invocation/next", "").await;
            call(&address, "POST /2018-06-01/runtime/invocation/1/error", "a panic").await
        });
        api.asked().await.unwrap();
        assert!(api.invoke(Bytes::new()).await.unwrap_err().to_string().contains("a panic"));
    }

    #[tokio::test]
    async fn a_function_that_cannot_start_has_failed() {
        let mut api = RuntimeApi::start().await.unwrap();
        let address = api.address();
        tokio::spawn(
            async move { call(&address, "POST /2018-06-01/runtime/init/error", "no settings").await },
        );
        assert!(api.asked().await.unwrap_err().to_string().contains("no settings"));
    }
}
