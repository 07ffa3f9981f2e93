//! The whole stack from outside: HTTP through the local gateway, functions under `cargo lambda watch`.
//!
//! These tests need what `make tools` installs and what `make test` builds first. They fail without it. None is
//! skipped but those of a Java and of a Go client, where there is no Java or no Go.

mod clients;
mod commands;
mod flow;
mod hooks;
mod https;
mod login_issuers;
mod newcomer;
mod races;
mod release;
mod relying_party;

use std::path::PathBuf;

use ciba_local::stack::{Options, Stack};
use ciba_tests::{root, tool};
use reqwest::Client;
use serde_json::Value;

/// The grant type of CIBA.
const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A program built in this profile; tests lie one folder deeper.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let path = test.ancestors().nth(2).expect("the folder of the profile").join(name);
    assert!(path.exists(), "{} is missing: run make bins", path.display());
    path
}

/// A client of the stack, over HTTP.
struct Outside {
    stack: Stack,
    http: Client,
}

impl Outside {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { cargo_lambda: tool("cargo-lambda"), ..Options::for_tests() };
        change(&mut options);
        let stack = Stack::start(options).await.expect("the stack");
        let mut http = Client::builder().no_proxy();
        if let Some((_, certificates)) = stack.mutual_tls() {
            let authority = std::fs::read(certificates.file("ca.pem")).expect("ca.pem");
            let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
            http = http.tls_certs_only([authority]);
        }
        let http = http.build().expect("an HTTP client");
        Self { stack, http }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.api_url())
    }

    fn secret(&self) -> String {
        self.stack.seed.client_secret("kiosk").expect("the kiosk's secret").to_owned()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = self.http.post(self.url(path)).basic_auth("kiosk", Some(self.secret())).form(form);
        answer(request).await
    }

    /// `kiosk` asks for `person`.
    async fn ask(&self, person: &str) -> (u16, Value) {
        self.post("/bc-authorize", &[("scope", "openid profile"), ("login_hint", person)]).await
    }

    async fn poll(&self, auth_req_id: &str) -> (u16, Value) {
        self.post("/oauth/token", &[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
    }

    /// Decides as the person asked would.
    async fn decide(&self, auth_req_id: &str, action: &str) -> (u16, Value) {
        let url = format!("{}/decide?auth_req_id={auth_req_id}&action={action}", self.stack.phone.url());
        answer(self.http.post(url)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}
