//! A person with a passkey, and what they do on the page.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::time::Timestamp;
use ciba::domain::request::decision::DecisionWord;
use ciba_tests::{Answer, Authenticator, Provider, form, json_request, request};
use serde_json::{Value, json};

/// What a browser sends with every request for a page.
pub(crate) const BROWSER: &[(&str, &str)] =
    &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("accept-language", "en")];

/// Whoever has the link opens it.
pub(crate) async fn open(provider: &Provider, key: &str, now: Timestamp) -> Answer {
    provider.call(&provider.consent, &request("GET", &format!("/consent/{key}"), BROWSER, ""), now).await
}

/// The value of an attribute of the page.
pub(crate) fn attribute(page: &Answer, name: &str) -> String {
    let (_, rest) =
        page.html.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name}: {page:?}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// The value of a hidden field of the page.
pub(crate) fn field(page: &Answer, name: &str) -> String {
    let (_, rest) = page.html.split_once(&format!("name=\"{name}\" value=\"")).expect("the field");
    rest.split('"').next().expect("a value").to_owned()
}

/// What the page's script has the passkey sign. Written down here once more, so that the two cannot be wrong together.
pub(crate) fn challenge(shown: &str, scope: &str, word: &str) -> Vec<u8> {
    let shown = URL_SAFE_NO_PAD.decode(shown).expect("base64url");
    let length = |text: &str| u32::try_from(text.len()).expect("a length").to_be_bytes();
    let parts = [
        b"ciba decision 1\0".as_slice(),
        &shown,
        &length(scope),
        scope.as_bytes(),
        &length(word),
        word.as_bytes(),
    ];
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

/// A decision that is signed, before it is sent.
pub(crate) struct Signed {
    pub(crate) body: Value,
}

impl Signed {
    /// What `authenticator` makes of the page at `now`.
    pub(crate) async fn on_page(
        provider: &Provider,
        key: &str,
        authenticator: &mut Authenticator,
        (word, scope): (&str, &str),
        now: Timestamp,
    ) -> Self {
        let page = open(provider, key, now).await;
        assert_eq!(page.status, 200, "{page:?}");
        let challenge = challenge(&attribute(&page, "data-shown"), scope, word);
        let passkey = authenticator.get(&challenge, "localhost", Provider::ISSUER);
        let mut body = json!({"client_id": attribute(&page, "data-client"), "decision": word, "language": "en",
            "passkey": passkey});
        if word == DecisionWord::Approve.as_str() {
            body["scope"] = json!(scope);
        }
        Self { body }
    }

    /// What `authenticator` makes of the receipt in this page: it takes the answer back.
    pub(crate) fn taking_back(page: &Answer, authenticator: &mut Authenticator) -> Self {
        let challenge = challenge(&attribute(page, "data-receipt"), "", "take_back");
        let passkey = authenticator.get(&challenge, "localhost", Provider::ISSUER);
        let client = attribute(page, "data-client");
        Self {
            body: json!({"client_id": client, "decision": "take_back", "language": "en", "passkey": passkey}),
        }
    }

    pub(crate) async fn send(&self, provider: &Provider, key: &str, now: Timestamp) -> Answer {
        let request = json_request("POST", &format!("/consent/{key}/decision"), None, &self.body.to_string());
        provider.call(&provider.consent, &request, now).await
    }
}

/// `alice` reads and approves these values.
pub(crate) async fn approve(
    provider: &Provider,
    key: &str,
    authenticator: &mut Authenticator,
    scope: &str,
    now: Timestamp,
) -> Answer {
    let signed = Signed::on_page(provider, key, authenticator, ("approve", scope), now).await;
    signed.send(provider, key, now).await
}

/// The form of the page is sent, with these headers beside the usual ones.
pub(crate) async fn decline(
    provider: &Provider,
    key: &str,
    token: &str,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Answer {
    let mut all = BROWSER.to_vec();
    all.push(("content-type", "application/x-www-form-urlencoded"));
    all.extend(headers);
    let body = form(&[("decision", "deny"), ("form_token", token)]).into_bytes();
    let request = request("POST", &format!("/consent/{key}/decision"), &all, body);
    provider.call(&provider.consent, &request, now).await
}
