//! A double of AWS Lambda: `Invoke`, for functions that are closures. It refuses what the API documents as refused, and
//! records every call.

use std::{
    collections::HashMap,
    fmt,
    future::pending,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

use crate::{ACCOUNT, REGION, caller, order, server::Server};

/// The largest event of a synchronous invocation. Unit: bytes.
const MAX_EVENT: usize = 6 * 1024 * 1024;

/// What a function does with an event.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It returns this, JSON or not.
    Returns(Vec<u8>),
    /// It returns this once a test lets it.
    ReturnsAfter(Arc<Notify>, Vec<u8>),
    /// It ends with an error of its own: the API answers 200.
    Fails,
    /// It never ends.
    Hangs,
    /// It is not started, because too many run already.
    IsThrottled,
    /// Lambda itself fails.
    IsDown,
}

impl Outcome {
    pub fn json(answer: &Value) -> Self {
        Self::Returns(answer.to_string().into_bytes())
    }
}

type Function = Box<dyn Fn(&Value) -> Outcome + Send>;

/// An invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The function as the caller named it.
    pub function: String,
    /// `null` if it is not JSON.
    pub event: Value,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    /// Its position in the order of all events of the doubles of this process.
    pub order: u64,
}

/// A running double; dropping it closes the port.
#[derive(Debug)]
pub struct Lambda {
    server: Server,
    state: Arc<Mutex<Double>>,
}

#[derive(Default)]
struct Double {
    functions: HashMap<String, Function>,
    invocations: Vec<Invocation>,
    /// How many of them are forgotten.
    forgotten: usize,
}

/// What a double was called with, also when it is gone.
#[derive(Clone)]
pub struct CallRecord(Arc<Mutex<Double>>);

impl CallRecord {
    /// Every call, oldest first, also those that the double has forgotten.
    pub fn invocations(&self) -> Vec<Invocation> {
        lock(&self.0).invocations.clone()
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Double({:?})", self.functions.keys())
    }
}

impl Lambda {
    /// Starts the double on `listener`, without functions.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(Double::default()));
        let path = "/2015-03-31/functions/{function}/invocations";
        let router = Router::new().route(path, post(invoke)).with_state(Arc::clone(&state));
        Ok(Self { server: Server::start(listener, router)?, state })
    }

    /// The value for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The ARN of a function with this name.
    pub fn arn(name: &str) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
    }

    /// Creates or replaces the function with this ARN.
    pub fn set_function(&self, arn: &str, function: impl Fn(&Value) -> Outcome + Send + 'static) {
        lock(&self.state).functions.insert(arn.to_owned(), Box::new(function));
    }

    /// Every call, oldest first.
    pub fn invocations(&self) -> Vec<Invocation> {
        let double = lock(&self.state);
        double.invocations[double.forgotten..].to_vec()
    }

    /// Forgets the calls.
    pub fn clear(&self) {
        let mut double = lock(&self.state);
        double.forgotten = double.invocations.len();
    }

    pub fn record(&self) -> CallRecord {
        CallRecord(Arc::clone(&self.state))
    }
}

async fn invoke(
    State(state): State<Arc<Mutex<Double>>>,
    Path(function): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if body.len() > MAX_EVENT {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException");
    }
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "InvalidRequestContentException");
    };
    let caller = caller::access_key_id(&headers);
    let outcome = {
        let mut double = lock(&state);
        let outcome = double.functions.get(&function).map(|run| run(&event));
        double.invocations.push(Invocation { function, event, caller, order: order::next() });
        outcome
    };
    match outcome {
        None => refused(StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        Some(Outcome::IsThrottled) => refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        Some(Outcome::IsDown) => refused(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
        Some(Outcome::Hangs) => pending().await,
        Some(Outcome::Fails) => {
            let error = json!({"errorType": "KeyError", "errorMessage": "'alice@example.com'"});
            ([("x-amz-function-error", "Unhandled")], error.to_string()).into_response()
        }
        Some(Outcome::ReturnsAfter(gate, answer)) => {
            gate.notified().await;
            answer.into_response()
        }
        Some(Outcome::Returns(answer)) => ([("x-amz-executed-version", "1")], answer).into_response(),
    }
}

fn refused(status: StatusCode, code: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE.as_str(), "application/json"), ("x-amzn-errortype", code)];
    (status, headers, json!({"Type": "User", "message": code}).to_string()).into_response()
}

fn lock(double: &Mutex<Double>) -> MutexGuard<'_, Double> {
    double.lock().unwrap_or_else(PoisonError::into_inner)
}
