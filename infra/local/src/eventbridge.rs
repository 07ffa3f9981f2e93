//! A double of Amazon EventBridge: `PutEvents` as JSON 1.1 over HTTP. It forwards nothing, and records everything.

mod rules;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{caller, id, server::Server};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A running double; dropping it closes the port.
#[derive(Debug)]
pub struct EventBridge {
    server: Server,
    bus: Arc<Mutex<Bus>>,
}

/// An entry of a `PutEvents`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The event's id, if it was accepted.
    pub id: Option<String>,
    pub source: String,
    pub detail_type: String,
    pub detail: Value,
    /// The bus as the caller named it.
    pub bus: String,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    /// The whole entry.
    pub input: Value,
}

#[derive(Debug, Default)]
struct Bus {
    entries: Vec<Entry>,
    /// How many entries are still to be refused individually.
    refused_entries: usize,
    /// How many calls are still to fail as a whole.
    failed_calls: usize,
}

impl EventBridge {
    /// Starts the double on `listener`.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener) -> io::Result<Self> {
        let bus = Arc::new(Mutex::new(Bus::default()));
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&bus));
        Ok(Self { server: Server::start(listener, router)?, bus })
    }

    /// The value for `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The accepted events, oldest first.
    pub fn events(&self) -> Vec<Entry> {
        lock(&self.bus).entries.iter().filter(|entry| entry.id.is_some()).cloned().collect()
    }

    /// Every entry, including refused ones, oldest first.
    pub fn attempts(&self) -> Vec<Entry> {
        lock(&self.bus).entries.clone()
    }

    /// Forgets the entries. Scripted failures remain.
    pub fn clear(&self) {
        lock(&self.bus).entries.clear();
    }

    /// Refuses the next entries individually: the call succeeds and says which of them failed.
    pub fn refuse_entries(&self, count: usize) {
        lock(&self.bus).refused_entries += count;
    }

    /// Fails the next calls as a whole, in a way that an SDK retries.
    pub fn fail_calls(&self, count: usize) {
        lock(&self.bus).failed_calls += count;
    }
}

async fn receive(State(bus): State<Arc<Mutex<Bus>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    if target != "AWSEvents.PutEvents" {
        let code = "UnknownOperationException";
        return refused(StatusCode::BAD_REQUEST, code, "This double does not know the operation");
    }
    lock(&bus).put(&input, caller::access_key_id(&headers))
}

impl Bus {
    fn put(&mut self, input: &Value, caller: Option<String>) -> Response {
        let given = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut entries: Vec<_> = given.iter().map(|entry| Entry::read(entry, caller.clone())).collect();
        if self.failed_calls > 0 {
            self.failed_calls -= 1;
            self.entries.extend(entries);
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalException", "A scripted failure");
        }
        if let Err(why) = rules::check_call(given) {
            self.entries.extend(entries);
            return refused(StatusCode::BAD_REQUEST, "ValidationException", why);
        }
        let mut answers = Vec::new();
        for entry in &mut entries {
            let checked = match rules::check_entry(&entry.input) {
                Ok(()) if self.refused_entries > 0 => {
                    self.refused_entries -= 1;
                    Err(("ThrottlingException", "A scripted failure"))
                }
                checked => checked,
            };
            answers.push(match checked {
                Ok(()) => json!({"EventId": entry.id.insert(id::uuid())}),
                Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
            });
        }
        let failed = entries.iter().filter(|entry| entry.id.is_none()).count();
        self.entries.extend(entries);
        answer(StatusCode::OK, &json!({"FailedEntryCount": failed, "Entries": answers}))
    }
}

impl Entry {
    fn read(input: &Value, caller: Option<String>) -> Self {
        let text = |name: &str| input[name].as_str().unwrap_or_default();
        Self {
            id: None,
            source: text("Source").to_owned(),
            detail_type: text("DetailType").to_owned(),
            detail: serde_json::from_str(text("Detail")).unwrap_or_default(),
            bus: text("EventBusName").to_owned(),
            caller,
            input: input.clone(),
        }
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    answer(status, &json!({"__type": code, "message": message}))
}

fn answer(status: StatusCode, output: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], output.to_string()).into_response()
}

/// A panic elsewhere cannot leave this state inconsistent.
fn lock(bus: &Mutex<Bus>) -> MutexGuard<'_, Bus> {
    bus.lock().unwrap_or_else(PoisonError::into_inner)
}
