//! A virtual authenticator: the fingerprint reader of the browser under test.

use serde_json::{Value, json};

use crate::browser::Browser;

pub(crate) struct Authenticator {
    id: Value,
}

impl Authenticator {
    /// One that is built in, keeps passkeys, and says yes at once.
    pub(crate) async fn plug_into(browser: &Browser) -> Self {
        browser.cdp("WebAuthn.enable", json!({ "enableUI": false })).await;
        let options = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        let answer = browser.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        Self { id: answer["authenticatorId"].clone() }
    }

    /// Whether the finger is the right one.
    pub(crate) async fn verifies(&self, browser: &Browser, verifies: bool) {
        let change = json!({ "authenticatorId": self.id, "isUserVerified": verifies });
        browser.cdp("WebAuthn.setUserVerified", change).await;
    }

    /// The passkeys in it, private keys included.
    pub(crate) async fn passkeys(&self, browser: &Browser) -> Vec<Value> {
        let answer = browser.cdp("WebAuthn.getCredentials", json!({ "authenticatorId": self.id })).await;
        answer["credentials"].as_array().expect("a list").clone()
    }

    /// Puts a passkey of another authenticator into this one.
    pub(crate) async fn add(&self, browser: &Browser, passkey: &Value) {
        let addition = json!({ "authenticatorId": self.id, "credential": passkey });
        browser.cdp("WebAuthn.addCredential", addition).await;
    }

    pub(crate) async fn clear(&self, browser: &Browser) {
        browser.cdp("WebAuthn.clearCredentials", json!({ "authenticatorId": self.id })).await;
    }
}
