//! The phone: where messages arrive, and where a person approves or denies as in a first-party app.
//!
//! It holds no authority of its own. Each decision is a call of the real consent API, made through the
//! gateway with a login token of the person, which the [`LoginIssuer`] beside it issues.

mod api;
mod auto;
mod consent;
mod message;

use std::{io, pin::Pin, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};

pub use api::Asked;
pub use message::{Received, request_in};

use crate::{login_issuer::LoginIssuer, seed::Person, server::Server, sns::Inbox};
use consent::ConsentApi;

/// What a phone needs.
pub struct PhoneOptions {
    /// The base URL of the consent API.
    pub api: String,
    pub inbox: Inbox,
    pub people: Vec<Person>,
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

/// Finds whom an `auth_req_id` asks, and by which key the person's side knows the request.
type Resolve = dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<Asked>> + Send>> + Send + Sync;

/// What all requests to the phone share.
struct Shared {
    inbox: Inbox,
    people: Vec<Person>,
    login_issuer: Arc<LoginIssuer>,
    consent: ConsentApi,
    resolve: Box<Resolve>,
}

impl Phone {
    /// Starts a phone on `listener`. `resolve` opens an `auth_req_id`, which only the provider can.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start<R, F>(listener: TcpListener, options: PhoneOptions, resolve: R) -> io::Result<Self>
    where
        R: Fn(String) -> F + Send + Sync + 'static,
        F: Future<Output = Option<Asked>> + Send + 'static,
    {
        let consent = ConsentApi::new(&options.api)?;
        let PhoneOptions { inbox, people, login_issuer, approve_all, api: _ } = options;
        let resolve: Box<Resolve> = Box::new(move |auth_req_id| Box::pin(resolve(auth_req_id)));
        let shared = Arc::new(Shared { inbox, people, login_issuer, consent, resolve });
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
    fn person(&self, sub: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.sub == sub)
    }

    fn owner_of(&self, address: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.addresses.iter().any(|it| it == address))
    }
}

#[cfg(test)]
mod tests;
