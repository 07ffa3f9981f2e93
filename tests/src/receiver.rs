//! A client's notification endpoint, as a test wants it to answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ciba_local::server::listen;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Eavesdropper;

/// Longer than it takes a test to stop the caller.
const MOMENT: Duration = Duration::from_millis(15);

/// How the endpoint meets a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    Status(u16),
    /// The same a moment later: what stops the caller in between stops it after the client has the call.
    Late(u16),
    /// 503, and to come back after so many seconds.
    RetryAfter(u64),
    /// 307 to another address.
    Redirect(String),
    /// The connection is closed without an answer.
    HangUp,
    /// No answer for ever.
    Silence,
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub struct ReceivedCall {
    /// The first line and the headers, as sent.
    pub head: String,
    pub text: String,
    pub body: Value,
    /// How it was met.
    pub reaction: Reaction,
}

impl ReceivedCall {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A running endpoint. Everything is answered 204 unless it was told otherwise.
pub struct Receiver {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Vec<ReceivedCall>>,
    script: Mutex<VecDeque<Reaction>>,
    always: Mutex<Option<Reaction>>,
    eavesdropper: Mutex<Option<Eavesdropper>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = listen(0).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, task }
    }

    /// What the client registers.
    pub fn url(&self) -> String {
        format!("http://localhost:{}/ciba", self.port)
    }

    /// What it is told is secret from now on.
    pub fn tell(&self, eavesdropper: &Eavesdropper) {
        *lock(&self.shared.eavesdropper) = Some(eavesdropper.clone());
    }

    /// Meets the next calls like this, one after the other.
    pub fn react(&self, reactions: impl IntoIterator<Item = Reaction>) {
        lock(&self.shared.script).extend(reactions);
    }

    /// Meets every call like this from now on, after those that were scripted.
    pub fn always(&self, reaction: Reaction) {
        *lock(&self.shared.always) = Some(reaction);
    }

    pub fn calls(&self) -> Vec<ReceivedCall> {
        lock(&self.shared.calls).clone()
    }

    /// The calls that were answered with success.
    pub fn delivered(&self) -> Vec<ReceivedCall> {
        let mut calls = self.calls();
        calls.retain(|call| matches!(call.reaction, Reaction::Status(200..=299) | Reaction::Late(200..=299)));
        calls
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(meet(connection, Arc::clone(&shared)));
    }
}

async fn meet(mut connection: TcpStream, shared: Arc<Shared>) {
    let Some((head, text)) = read(&mut connection).await else { return };
    let reaction = lock(&shared.script).pop_front();
    let reaction = reaction.or_else(|| lock(&shared.always).clone()).unwrap_or(Reaction::Status(204));
    let body = serde_json::from_str(&text).unwrap_or_default();
    let call = ReceivedCall { head, text, body, reaction: reaction.clone() };
    if let Some(eavesdropper) = &*lock(&shared.eavesdropper) {
        eavesdropper.received(call.header("authorization"), &call.body);
    }
    lock(&shared.calls).push(call);
    let (status, header) = match reaction {
        Reaction::Status(status) => (status, String::new()),
        Reaction::Late(status) => {
            tokio::time::sleep(MOMENT).await;
            (status, String::new())
        }
        Reaction::RetryAfter(seconds) => (503, format!("Retry-After: {seconds}\r\n")),
        Reaction::Redirect(to) => (307, format!("Location: {to}\r\n")),
        Reaction::HangUp => return,
        Reaction::Silence => return std::future::pending().await,
    };
    let length = if status == 204 { "" } else { "Content-Length: 0\r\n" };
    let answer = format!("HTTP/1.1 {status} X\r\n{header}{length}Connection: close\r\n\r\n");
    let _ = connection.write_all(answer.as_bytes()).await;
}

async fn read(connection: &mut TcpStream) -> Option<(String, String)> {
    let (mut sent, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let read = connection.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        sent.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&sent).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
