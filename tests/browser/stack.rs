//! The whole way of `make demo`: phone, local gateway, functions under `cargo lambda watch`, and back to the client.

use ciba_local::stack::{Options, Stack};
use ciba_tests::tool;
use reqwest::Client;
use serde_json::Value;

use crate::authenticator::Authenticator;
use crate::browser::Browser;

async fn post(http: &Client, stack: &Stack, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let secret = stack.seed.client_secret("kiosk").expect("the kiosk's secret");
    let request =
        http.post(format!("{}{path}", stack.api_url())).basic_auth("kiosk", Some(secret)).form(form);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_and_a_login_approve_through_the_gateway() {
    let options = Options { cargo_lambda: tool("cargo-lambda"), ..Options::for_tests() };
    let stack = Stack::start(options).await.expect("the stack");
    let http = Client::builder().no_proxy().build().expect("an HTTP client");
    let browser = Browser::start().await;
    let _authenticator = Authenticator::plug_into(&browser).await;

    browser.open(&stack.phone.url()).await;
    browser.wait_until("document.querySelector('.passkey')").await;
    browser.click(".passkey").await;
    browser.shows("Set up a passkey").await;
    browser.click("#create").await;
    browser.shows("Your passkey is ready").await;

    let asked = [("scope", "openid profile"), ("login_hint", "alice"), ("binding_message", "K7-2931")];
    let (status, asked) = post(&http, &stack, "/bc-authorize", &asked).await;
    assert_eq!(status, 200, "{asked}");
    browser.open(&stack.phone.url()).await;
    // The newest message is on top; the older one says that a passkey was added.
    browser.wait_until("document.querySelector('.entry a.request')").await;
    browser.click(".entry a.request").await;
    browser.wait_until("document.querySelector('blockquote')").await;
    assert_eq!(browser.text("blockquote").await, "K7-2931");
    assert!(
        browser.evaluate("location.pathname").await.as_str().is_some_and(|it| it.starts_with("/consent/"))
    );
    browser.click("#approve").await;
    browser.shows("Approved").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    let handle = asked["auth_req_id"].as_str().expect("a handle");
    let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", handle)];
    let (status, tokens) = post(&http, &stack, "/oauth/token", &poll).await;
    assert_eq!(status, 200, "{tokens}");
    assert!(tokens["id_token"].is_string(), "{tokens}");

    // The same without the passkey: by a login at the local issuer.
    let asked = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", "K7-2932")];
    let (status, asked) = post(&http, &stack, "/bc-authorize", &asked).await;
    assert_eq!(status, 200, "{asked}");
    browser.open(&stack.phone.url()).await;
    browser.wait_until("document.querySelector('.entry a.request')").await;
    browser.click(".entry a.request").await;
    browser.wait_until("document.querySelector('#login a')").await;
    browser.click("#login a").await;
    browser.wait_until("document.querySelector('button[value=alice]')").await;
    browser.click("button[value=alice]").await;
    browser.wait_until("document.querySelector('#approving-form')").await;
    assert_eq!(browser.text("blockquote").await, "K7-2932");
    browser.click("#approving-form button").await;
    browser.shows("Approved").await;
    let handle = asked["auth_req_id"].as_str().expect("a handle");
    let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", handle)];
    let (status, tokens) = post(&http, &stack, "/oauth/token", &poll).await;
    assert_eq!(status, 200, "{tokens}");
    stack.stop().await;
}
