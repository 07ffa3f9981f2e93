//! The phone: where messages arrive, and where a person approves or denies. They come through SNS, or from the operator's
//! notifier, which posts to the webhooks of a chat.
//!
//! A message leads to the provider's own page, like the link in it. The phone can also take the place of the
//! operator's app. It has no authority of its own: each of its decisions is a call of the real consent API through
//! the gateway, with a login token for the person from the phone's [`LoginIssuer`].

mod api;
mod app;
mod asked_request;
mod auto;
mod chat;
mod consent;
mod message;
mod messages;
mod pages;

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::TcpListener, task::JoinHandle};

pub use asked_request::{AskedRequest, RequestState};
pub use chat::{Chat, ChatMessage};
pub use message::{Received, request_in};

use crate::{clock, login_issuer::LoginIssuer, seed::Person, server::Server, sns::Inbox};
use api::Refusal;
use consent::ConsentApi;
use message::Arrived;

/// What a phone needs.
pub struct PhoneOptions {
    /// The base URL of the consent API.
    pub api: String,
    /// The URL of the provider's pages, with the name that passkeys are bound to.
    pub issuer: String,
    pub inbox: Inbox,
    /// The people in the seed. People who are enrolled later are found in the directory.
    pub people: Vec<Person>,
    pub directory: Arc<dyn Directory>,
    pub login_issuer: Arc<LoginIssuer>,
    /// Approve every arriving request automatically.
    pub approve_all: bool,
}

/// A running phone; dropping it closes the port and ends the automatic approvals.
#[derive(Debug)]
pub struct Phone {
    server: Server,
    chat: Chat,
    approvals: Option<JoinHandle<()>>,
}

/// What only the provider knows.
pub trait Directory: Send + Sync {
    /// The request that an `auth_req_id` stands for.
    fn open<'a>(&'a self, auth_req_id: &'a str) -> Told<'a, String>;
    /// The `sub` of the person whom a request asks.
    fn asked<'a>(&'a self, request: &'a str) -> Told<'a, String>;
    /// Who sent a request, and what became of it.
    fn request<'a>(&'a self, request: &'a str) -> Told<'a, AskedRequest>;
    /// The person with this `sub`.
    fn person<'a>(&'a self, sub: &'a str) -> Told<'a, Person>;
    /// The path of a new enrollment ticket for this person.
    fn ticket<'a>(&'a self, sub: &'a str) -> Told<'a, String>;
}

/// The result of a [`Directory`], if it knows.
pub type Told<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// The state shared by all requests to the phone.
struct Shared {
    issuer: String,
    inbox: Inbox,
    chat: Chat,
    people: Vec<Person>,
    login_issuer: Arc<LoginIssuer>,
    consent: ConsentApi,
    directory: Arc<dyn Directory>,
    /// Request → `sub`, cached: it never changes.
    asked: Mutex<HashMap<String, String>>,
}

impl Phone {
    /// Starts a phone on `listener`.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener, options: PhoneOptions) -> io::Result<Self> {
        let consent = ConsentApi::new(&options.api)?;
        let PhoneOptions { issuer, inbox, people, directory, login_issuer, approve_all, api: _ } = options;
        let asked = Mutex::default();
        let chat = Chat::default();
        let shared = Arc::new(Shared {
            issuer,
            inbox,
            chat: chat.clone(),
            people,
            login_issuer,
            consent,
            directory,
            asked,
        });
        let approvals = approve_all.then(|| tokio::spawn(auto::approve_all(Arc::clone(&shared))));
        Ok(Self { server: Server::start(listener, api::router(shared))?, chat, approvals })
    }

    /// The URL at which it listens, with the host name of the login issuer.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.server.address().port())
    }

    /// What the webhooks got.
    pub fn chat(&self) -> &Chat {
        &self.chat
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
    /// Everything that has arrived, oldest first.
    fn arrived(&self) -> Vec<Arrived> {
        let sns = self.inbox.messages().into_iter().map(Arrived::Sns);
        let mut all: Vec<_> = sns.chain(self.chat.messages().into_iter().map(Arrived::Chat)).collect();
        all.sort_by_key(Arrived::order);
        all
    }

    /// A person from the seed, or one who was enrolled since.
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

    /// A login token of this person, as the operator's app would have it.
    async fn login_token(&self, sub: &str) -> Result<String, Refusal> {
        let person = self.person(sub).await.ok_or(Refusal::UnknownPerson)?;
        let login = person.login.as_deref().ok_or(Refusal::NoLogin)?;
        self.login_issuer.login_token(login, clock::now(), person.login_claims()).map_err(|error| {
            eprintln!("phone: a login token of {sub}: {error}");
            Refusal::NoToken
        })
    }

    /// A link with which this person creates a passkey, as an operator's tool prints it.
    async fn ticket_link(&self, sub: &str) -> Result<String, Refusal> {
        let path = self.directory.ticket(sub).await.ok_or(Refusal::NoTicket)?;
        Ok(format!("{}{path}", self.issuer))
    }

    fn owner_of(&self, address: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.addresses.iter().any(|it| it == address))
    }
}

#[cfg(test)]
mod tests;
