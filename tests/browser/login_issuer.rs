//! The local login issuer, at an address of a test's own and on the test's clock.

use std::time::{Duration, UNIX_EPOCH};

use ciba_local::clock::{Clock, SetClock};
use ciba_local::login_issuer::{ClientAuthentication, LoginIssuer, RelyingParty};
use ciba_local::seed::Person;
use ciba_local::server::{Server, listen};
use ciba_tests::{Provider, START};
use serde_json::Value;

const CLIENT_ID: &str = "ciba-page";
const SECRET: &str = "a-secret-of-at-least-32-characters";

pub(crate) struct OpenIdProvider {
    issuer: LoginIssuer,
    _server: Server,
}

impl OpenIdProvider {
    pub(crate) async fn start() -> Self {
        let listener = listen(0).await.expect("a port");
        let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let start = UNIX_EPOCH + Duration::from_millis(START.millis().unsigned_abs());
        let clock = Clock::Set(SetClock::new(start));
        let issuer = LoginIssuer::with_clock(&url, clock).expect("an issuer");
        issuer.offer(&[Person {
            sub: "carol".to_owned(),
            login: Some("carol".to_owned()),
            name: None,
            email: None,
            addresses: vec![],
        }]);
        let server = Server::start(listener, issuer.router()).expect("a server");
        Self { issuer, _server: server }
    }

    /// Registers the provider, whose address is known only after the issuer's.
    pub(crate) fn register(&self, redirect_uri: String) {
        self.issuer.register(RelyingParty {
            client_id: CLIENT_ID.to_owned(),
            redirect_uris: vec![redirect_uri],
            authentication: ClientAuthentication::ClientSecretBasic(SECRET.to_owned()),
        });
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.issuer()
    }

    /// Its element of `LOGIN_ISSUERS`.
    pub(crate) fn setting(&self) -> Value {
        let secret = Provider::encrypted_secret(self.issuer(), SECRET);
        self.issuer.setting_on_the_page(CLIENT_ID, &secret)
    }
}
