//! A double of Amazon SNS: it speaks the wire protocol (form in, XML out), delivers nothing, and
//! records everything.

mod failure;
mod inbox;
mod message;
mod rules;
mod weather;
mod wire;

use std::io;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::Response, routing::post};
use tokio::net::TcpListener;

pub use failure::Failure;
pub use inbox::Inbox;
pub use message::{Attribute, Message, Outcome, Target};
pub use weather::Weather;

use crate::{caller, server::Server};
use wire::Refusal;

/// The double. [`Sns::start`] returns the handle that tests and the stack use.
#[derive(Debug)]
pub struct Sns;

/// A running double; dropping it closes the port.
#[derive(Debug)]
pub struct SnsHandle {
    server: Server,
    inbox: Inbox,
}

impl Sns {
    /// Starts the double on `listener`.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener) -> io::Result<SnsHandle> {
        let inbox = Inbox::default();
        let router = Router::new().route("/", post(receive)).with_state(inbox.clone());
        Ok(SnsHandle { server: Server::start(listener, router)?, inbox })
    }
}

impl SnsHandle {
    /// The value for `AWS_ENDPOINT_URL_SNS`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The accepted messages, for a reader that outlives a borrow of the handle.
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// The accepted messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.inbox.messages()
    }

    /// Every `Publish`, including refused ones, oldest first.
    pub fn attempts(&self) -> Vec<Message> {
        self.inbox.attempts()
    }

    /// Forgets the messages. Scripted failures remain.
    pub fn clear(&self) {
        self.inbox.clear();
    }

    /// Makes the next `Publish` fail. Several failures are used up one by one.
    pub fn fail_next(&self, failure: Failure) {
        self.inbox.fail_next(failure);
    }

    /// Makes every `Publish` to a number or an ARN fail.
    pub fn fail_for(&self, address: &str, failure: Failure) {
        self.inbox.fail_for(address, failure);
    }

    /// Starts or ends random temporary failures. Returns how many the previous weather caused.
    pub fn set_weather(&self, weather: Option<Weather>) -> u64 {
        self.inbox.set_weather(weather)
    }

    /// Makes a number or an ARN reachable again.
    pub fn restore(&self, address: &str) {
        self.inbox.restore(address);
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> Response {
    let caller = caller::access_key_id(&headers);
    match publish(&inbox, Message::read(&body, caller)).await {
        Ok(message_id) => wire::accepted(&message_id),
        Err(refusal) => refusal.response(),
    }
}

async fn publish(inbox: &Inbox, message: Message) -> Result<String, Refusal> {
    let id = message.id.clone();
    let valid = rules::check(&message);
    let failure = valid.is_ok().then(|| inbox.next_failure(&message)).flatten();
    // Recorded before anything can hang: a caller that gives up has still made the attempt.
    inbox.record(message);
    let outcome = match valid {
        Ok(()) => failure::meet(failure).await,
        Err(refusal) => Err(refusal).into(),
    };
    inbox.conclude(&id, outcome.recorded);
    outcome.answer.map(|()| id)
}

#[cfg(test)]
mod tests;
