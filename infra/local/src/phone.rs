//! The phone: where messages arrive, and where a person approves or denies.
//!
//! Whoever has a passkey is led to the provider's own page, as the link in the message would lead them. For everybody else
//! the phone stands in for a first-party app. It holds no authority of its own: each decision there is a call of the real
//! consent API, made through the gateway with a login token of the person, which the [`LoginIssuer`] beside it issues.

mod api;
mod auto;
mod consent;
mod message;

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::TcpListener, task::JoinHandle};

pub use message::{Received, request_in};

use crate::{login_issuer::LoginIssuer, seed::Person, server::Server, sns::Inbox};
use consent::ConsentApi;

/// What a phone needs.
pub struct PhoneOptions {
    /// The base URL of the consent API.
    pub api: String,
    /// Where the provider's pages are, by the name that passkeys are bound to.
    pub issuer: String,
    pub inbox: Inbox,
    /// The people of the seed. Whoever is enrolled later is found in the directory.
    pub people: Vec<Person>,
    pub directory: Arc<dyn Directory>,
    pub login_issuer: Arc<LoginIssuer>,
    /// Approve every arriving request without a hand.
    pub approve_all: bool,
}

/// A running phone; dropping it closes the port and ends the automatic approvals.
#[derive(Debug)]
pub struct Phone {
    server: Server,
    approvals: Option<JoinHandle<()>>,
}

/// What only the provider can tell.
pub trait Directory: Send + Sync {
    /// The request that an `auth_req_id` stands for.
    fn open<'a>(&'a self, auth_req_id: &'a str) -> Told<'a, String>;
    /// The `sub` of the person whom a request asks.
    fn asked<'a>(&'a self, request: &'a str) -> Told<'a, String>;
    /// Who goes by this `sub`.
    fn person<'a>(&'a self, sub: &'a str) -> Told<'a, Person>;
    /// Whether this person has a passkey.
    fn has_passkey<'a>(&'a self, sub: &'a str) -> Told<'a, bool>;
    /// The path of a new enrollment ticket for this person.
    fn ticket<'a>(&'a self, sub: &'a str) -> Told<'a, String>;
}

/// What a [`Directory`] tells, if it knows.
pub type Told<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// What all requests to the phone share.
struct Shared {
    issuer: String,
    inbox: Inbox,
    people: Vec<Person>,
    login_issuer: Arc<LoginIssuer>,
    consent: ConsentApi,
    directory: Arc<dyn Directory>,
    /// Request → `sub`, as far as it was asked for: a request never changes hands.
    asked: Mutex<HashMap<String, String>>,
}

impl Phone {
    /// Starts a phone on `listener`.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start(listener: TcpListener, options: PhoneOptions) -> io::Result<Self> {
        let consent = ConsentApi::new(&options.api)?;
        let PhoneOptions { issuer, inbox, people, directory, login_issuer, approve_all, api: _ } = options;
        let asked = Mutex::default();
        let shared = Arc::new(Shared { issuer, inbox, people, login_issuer, consent, directory, asked });
        let approvals = approve_all.then(|| tokio::spawn(auto::approve_all(Arc::clone(&shared))));
        Ok(Self { server: Server::start(listener, api::router(shared))?, approvals })
    }

    /// Where it listens, by the name the login issuer goes by.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.server.address().port())
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let Some(approvals) = &self.approvals {
            approvals.abort();
        }
    }
}

impl Shared {
    /// Somebody of the seed, or who was enrolled since.
    async fn person(&self, sub: &str) -> Option<Person> {
        match self.people.iter().find(|person| person.sub == sub) {
            Some(person) => Some(person.clone()),
            None => self.directory.person(sub).await,
        }
    }

    /// The `sub` of the person whom a request asks.
    async fn asked(&self, request: &str) -> Option<String> {
        let known = |asked: &HashMap<String, String>| asked.get(request).cloned();
        if let Some(sub) = known(&self.asked.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Some(sub);
        }
        let sub = self.directory.asked(request).await?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(request.to_owned(), sub.clone());
        Some(sub)
    }

    fn owner_of(&self, address: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.addresses.iter().any(|it| it == address))
    }
}

#[cfg(test)]
mod tests;
