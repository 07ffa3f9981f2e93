//! The session: how long it counts, where, and how it ends.

use ciba::aws::Aws;
use ciba::config::KeySettings;
use ciba::flows::registering::rotate_keys::replace_leaked;
use ciba::keys::Kms;
use ciba::store::KeyUse;
use ciba_tests::{at, json_request};
use serde_json::json;

use super::browser::{Browser, approving_form};
use super::{Stand, set_cookies};

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");
const SESSION: &str = "ciba-session";

async fn stand() -> (Stand, String, Browser) {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE, ("requested_expiry", "600")], at(0.0)).await;
    let browser = stand.logged_in("alice", &key, at(1.0)).await;
    (stand, key, browser)
}

/// RP-2-02: as long as the login is recent, by the same setting as for a login token.
#[tokio::test]
async fn a_session_ends_when_its_login_is_too_old() {
    let (stand, key, mut browser) = stand().await;
    let page = |browser: &mut Browser, now: f64| {
        let mut browser = browser.clone();
        let (provider, path) = (&stand.provider, format!("/consent/{key}"));
        async move { browser.get(provider, &path, at(now)).await }
    };
    let last = page(&mut browser, 300.0).await;
    assert!(last.html.contains("approving-form"), "{}", last.html);
    let after = page(&mut browser, 300.001).await;
    assert!(after.html.contains("/login?request=") && !after.html.contains("approving-form"));
    // The form that is still open says to log in again.
    let fields = approving_form(&last);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = format!("/consent/{key}/decision");
    let late = browser.post(&stand.provider, &path, &fields, at(301.0)).await;
    assert_eq!(late.status, 400, "{late:?}");
    assert!(late.html.contains("Sign in again") && late.html.contains(&format!("/login?request={key}")));
    assert!(stand.provider.items_under("evidence#").await.is_empty());
}

/// RP-2-01: a cookie of the host that no script reads, for as long as the session lasts.
#[tokio::test]
async fn the_cookie_of_a_session_lasts_as_long_as_the_session() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let answer = stand.log_in(&mut Browser::new(), "alice", &key, at(1.0)).await;
    let cookies = set_cookies(&answer);
    let session = cookies.iter().find(|it| it.starts_with("ciba-session=")).expect("a session");
    // The login was a second before.
    assert!(session.ends_with("; Path=/; Max-Age=299; HttpOnly; SameSite=Lax"), "{session}");
    assert!(
        cookies.iter().any(|it| it.starts_with("ciba-login-") && it.contains("Max-Age=0")),
        "{cookies:?}"
    );
}

/// RP-2-03: a session counts on pages alone: whatever has the cookie cannot call the API with it.
#[tokio::test]
async fn a_session_is_no_proof_at_the_api() {
    let (stand, key, browser) = stand().await;
    let provider = &stand.provider;
    let cookie = format!("{SESSION}={}", browser.cookie(SESSION));
    for (method, path, body) in [
        ("GET", "/consent".to_owned(), json!(null)),
        ("GET", format!("/consent/{key}"), json!(null)),
        ("POST", format!("/consent/{key}/decision"), json!({"client_id": "kiosk", "decision": "approve"})),
    ] {
        let mut call = json_request(method, &path, None, &body.to_string());
        call.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        call.headers_mut().insert("sec-fetch-site", "same-origin".parse().expect("a value"));
        let answer = provider.call(&provider.consent, &call, at(2.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{method} {path}");
    }
    // Nor is the ID token that it came from.
    let [token] = &stand.issuer.issued()[..] else { panic!("one login") };
    let call = json_request("GET", "/consent", Some(token), "");
    assert_eq!(provider.call(&provider.consent, &call, at(2.0)).await.refusal(), (401, "invalid_token"));
}

/// RP-2-01: a cookie that was not sealed here, or for something else, is no session.
#[tokio::test]
async fn a_forged_cookie_is_no_session() {
    let (stand, key, browser) = stand().await;
    let mut other = Browser::new();
    other.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await;
    let attempt = other.cookie(other.names()[0]).to_owned();
    let own = browser.cookie(SESSION).to_owned();
    let flipped = format!("{}{}", if own.starts_with('A') { 'B' } else { 'A' }, &own[1..]);
    let changed = (20..own.len()).step_by(7).map(|at| {
        let other = if own.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &own[..at], &own[at + 1..])
    });
    let cut = own[..own.len() - 4].to_owned();
    let others = ["", "x", "AAAA"].map(str::to_owned).into_iter().chain([attempt, flipped, cut]);
    for value in others.chain(changed) {
        let mut browser = Browser::new();
        browser.set(SESSION, &value);
        let page = browser.get(&stand.provider, &format!("/consent/{key}"), at(2.0)).await;
        assert!(page.html.contains("/login?request="), "{value}: {}", page.html);
        let me = browser.get(&stand.provider, "/me", at(2.0)).await;
        assert!(me.html.contains("You are not signed in"), "{value}");
    }
}

/// RP-2-02
#[tokio::test]
async fn who_is_logged_in_is_shown_and_can_sign_out() {
    let (stand, key, mut browser) = stand().await;
    let provider = &stand.provider;
    let me = browser.get(provider, "/me", at(2.0)).await;
    assert!(me.html.contains("<bdi>alice</bdi>") && me.html.contains("acme login"), "{}", me.html);
    let (_, token) = me.html.split_once("name=\"session_token\" value=\"").expect("a form");
    let token = token.split('"').next().expect("a value").to_owned();
    // Another site cannot.
    for (fields, headers) in [
        (vec![("session_token", token.as_str())], &[("sec-fetch-site", "cross-site")][..]),
        (vec![("session_token", "x")], &[("sec-fetch-site", "same-origin")]),
        (vec![], &[("sec-fetch-site", "same-origin")]),
    ] {
        let body = ciba_tests::form(&fields);
        let answer = browser.call(provider, ("POST", "/logout"), headers, &body, at(2.0)).await;
        assert!(answer.html.contains("You are signed in"), "{answer:?}");
        assert!(browser.names().contains(&SESSION));
    }
    let out = browser.post(provider, "/logout", &[("session_token", &token)], at(3.0)).await;
    assert!(out.html.contains("You are signed out"), "{}", out.html);
    assert!(browser.names().is_empty());
    let page = browser.get(provider, &format!("/consent/{key}"), at(4.0)).await;
    assert!(page.html.contains("/login?request="));
}

/// RP-2-02, TOK-12-05: after a leak, no session of before counts.
#[tokio::test]
async fn a_withdrawn_page_key_ends_every_session() {
    let (stand, key, mut browser) = stand().await;
    let env = stand.provider.environment();
    let (kms, settings) =
        (Kms::connect(&Aws::read(&env).expect("AWS")), KeySettings::read(&env).expect("settings"));
    let invocation = stand.provider.invocation(at(2.0));
    let replaced = replace_leaked(&stand.provider.table, &kms, &settings, &[KeyUse::Page], &invocation).await;
    assert_eq!(replaced.expect("a rotation").made, [(KeyUse::Page, 2)]);
    // Once the warm function reads the keys again.
    let page = browser.get(&stand.provider, &format!("/consent/{key}"), at(301.0)).await;
    assert!(page.html.contains("/login?request=") && !page.html.contains("approving-form"), "{}", page.html);
    let later = stand.logged_in("alice", &key, at(302.0)).await.get(&stand.provider, "/me", at(303.0)).await;
    assert!(later.html.contains("You are signed in"));
}

/// An issuer that no longer logs people in here has no sessions left.
#[tokio::test]
async fn a_session_of_an_issuer_that_was_removed_is_none() {
    let (stand, key, browser) = stand().await;
    let mut setting = stand.issuer.setting(json!({}));
    setting.as_object_mut().expect("an object").remove("browser");
    let other = super::issuer::OpenIdProvider::start("other").await;
    for issuers in [json!([setting]), json!([setting, other.setting(json!({}))])] {
        let consent = stand.provider.consent_with(&[("LOGIN_ISSUERS", &issuers.to_string())]);
        let headers =
            [("accept", "text/html"), ("cookie", &*format!("{SESSION}={}", browser.cookie(SESSION)))];
        let read = ciba_tests::request("GET", &format!("/consent/{key}"), &headers, "");
        let page = stand.provider.call(&consent, &read, at(2.0)).await;
        assert_eq!(page.status, 200);
        assert!(!page.html.contains("approving-form"), "{}", page.html);
    }
}
