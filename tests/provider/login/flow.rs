//! From the link to the tokens.

use std::collections::BTreeMap;

use ciba_tests::{Provider, at, request};
use serde_json::json;
use url::Url;

use super::browser::{Browser, approving_form};
use super::issuer::{CLIENT_SECRET, OpenIdProvider};
use super::{Stand, location, set_cookies};

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");

/// CIBA §8, RP-1-01: without a passkey, without an app and without script.
#[tokio::test]
async fn a_person_logs_in_approves_and_the_client_gets_tokens() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let (auth_req_id, key) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let page = browser.get(provider, &format!("/consent/{key}"), at(1.0)).await;
    assert!(page.html.contains(&format!("href=\"/login?request={key}\"")), "{}", page.html);
    let answer = stand.log_in(&mut browser, "alice", &key, at(2.0)).await;
    assert_eq!((answer.status, location(&answer)), (303, &*format!("/consent/{key}")));
    let page = browser.get(provider, location(&answer), at(3.0)).await;
    let fields = approving_form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let approved = browser.post(provider, &format!("/consent/{key}/decision"), &fields, at(4.0)).await;
    assert_eq!(
        (approved.status, location(&approved)),
        (303, &*format!("/consent/{key}?lang=en")),
        "{approved:?}"
    );
    let approved = browser.get(provider, location(&approved), at(4.0)).await;
    assert!(approved.html.contains("City Kiosk") && approved.html.contains("Approved"), "{}", approved.html);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let claims = tokens.text("id_token").split('.').nth(1).expect("claims");
    let claims: serde_json::Value =
        serde_json::from_slice(&crate::foreign_issuer::decode(claims)).expect("JSON");
    assert_eq!(claims["sub"], "alice-of-acme");
    // The login's own, by the names that they have here.
    assert_eq!(claims["auth_time"], at(1.0).seconds());
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:example:acr:mfa"), &json!(["pwd", "otp"])));
}

/// There and back, also if the login fails; without a choice the browser's counts.
#[tokio::test]
async fn a_login_keeps_the_language_that_was_chosen() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let (_, key) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let page = browser.get(provider, &format!("/consent/{key}?lang=pl"), at(1.0)).await;
    assert!(page.html.contains(&format!("href=\"/login?request={key}&amp;lang=pl\"")), "{}", page.html);
    let start = browser.get(provider, &format!("/login?request={key}&lang=pl"), at(1.0)).await;
    assert!(location(&start).contains("ui_locales=pl"), "{start:?}");
    let callback = stand.issuer.authorize(location(&start), "alice", at(1.0));
    let answer = browser.get(provider, &callback, at(2.0)).await;
    assert_eq!((answer.status, location(&answer)), (303, &*format!("/consent/{key}?lang=pl")));

    let start = browser.get(provider, &format!("/login?request={key}&lang=sv"), at(3.0)).await;
    let url = Url::parse(location(&start)).expect("a URL");
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state").expect("a state");
    let cancelled = format!("/login/callback?error=access_denied&state={state}");
    let failed = browser.get(provider, &cancelled, at(3.0)).await;
    assert_eq!((failed.status, failed.header("content-language")), (400, Some("sv")), "{failed:?}");
    assert!(failed.html.contains(&format!("/consent/{key}?lang=sv")), "{}", failed.html);

    let start = browser.get(provider, &format!("/login?request={key}&lang=tlh"), at(4.0)).await;
    let callback = stand.issuer.authorize(location(&start), "alice", at(4.0));
    let answer = browser.get(provider, &callback, at(4.0)).await;
    assert_eq!(location(&answer), format!("/consent/{key}"));
}

/// RP-1-01: what the browser takes to the issuer, and what stays.
#[tokio::test]
async fn the_browser_takes_a_request_for_a_recent_login_along() {
    let stand = Stand::with(json!({"scope": "openid email", "prompt_login": true}), &[]).await;
    let mfa = ("acr_values", "urn:example:acr:mfa");
    let (_, key) = stand.provider.asked(&[ALICE, mfa], at(0.0)).await;
    let mut browser = Browser::new();
    let start = browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await;
    assert_eq!((start.status, start.header("referrer-policy")), (303, Some("no-referrer")));
    assert_eq!(start.header("cache-control"), Some("no-store"));
    let url = Url::parse(location(&start)).expect("a URL");
    let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("scope", "openid email"),
        ("max_age", "300"),
        ("prompt", "login"),
        ("acr_values", "login:mfa"),
        ("redirect_uri", "http://localhost:9000/login/callback"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(!url.as_str().contains("alice") && !asked.contains_key("login_hint"), "{url}");
    assert!(!url.as_str().contains(&key), "the issuer does not learn the request's name");
    let [cookie] = set_cookies(&start)[..] else { panic!("{start:?}") };
    assert!(cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains(&asked["state"]), "{cookie}");
    stand.issuer.authorize(location(&start), "alice", at(1.0));
}

/// RP-1-08: with its own credentials, and the verifier of this login.
#[tokio::test]
async fn the_code_is_redeemed_with_secret_and_verifier() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    stand.logged_in("alice", &key, at(1.0)).await;
    let calls = stand.issuer.calls();
    let [call] = &calls[..] else { panic!("{calls:?}") };
    let names: Vec<_> = call.keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "code_verifier", "grant_type", "redirect_uri"]);
    let lines = stand.provider.eavesdropper.lines("logged_in");
    assert_eq!(lines[0]["issuer"], stand.issuer.issuer());
    stand.provider.eavesdropper.secret("the secret at the issuer", CLIENT_SECRET);
    for token in stand.issuer.issued() {
        stand.provider.eavesdropper.secret("an ID token", &token);
    }
}

/// Which one is asked: the only one, the one that the client names, or the one that the person chooses.
#[tokio::test]
async fn of_several_issuers_client_or_person_choose_one() {
    let (acme, other) = (OpenIdProvider::start("acme").await, OpenIdProvider::start("other").await);
    let issuers = json!([acme.setting(json!({})), other.setting(json!({}))]).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &issuers)]).await;
    acme.enroll(&provider, &["alice"]).await;
    let (_, key) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let page = browser.get(&provider, &format!("/login?request={key}"), at(1.0)).await;
    assert_eq!(page.status, 200);
    for label in ["acme", "other"] {
        assert!(
            page.html.contains(&format!("href=\"/login?request={key}&amp;idp={label}\"")),
            "{}",
            page.html
        );
        assert!(page.html.contains(&format!("{label} login")));
    }
    assert!(browser.names().is_empty(), "nothing has begun");
    let at_issuer = |answer: &ciba_tests::Answer, issuer: &OpenIdProvider| {
        location(answer).starts_with(&format!("{}/authorize?", issuer.issuer()))
    };
    let chosen = browser.get(&provider, &format!("/login?request={key}&idp=other"), at(1.0)).await;
    assert!(at_issuer(&chosen, &other), "{chosen:?}");
    let unknown = browser.get(&provider, &format!("/login?request={key}&idp=nobody"), at(1.0)).await;
    assert_eq!(unknown.status, 200, "the person chooses again");
    let (_, named) = provider.asked(&[ALICE, ("acr_values", "idp:acme")], at(11.0)).await;
    for target in [format!("/login?request={named}"), format!("/login?request={named}&idp=other")] {
        let answer = browser.get(&provider, &target, at(12.0)).await;
        assert!(at_issuer(&answer, &acme), "{target} {answer:?}");
    }
}

/// What cannot work is not offered.
#[tokio::test]
async fn without_login_in_the_browser_none_is_offered() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let page = Browser::new().get(&provider, &format!("/consent/{key}"), at(1.0)).await;
    assert!(!page.html.contains("/login?"), "{}", page.html);
    let answer = Browser::new().get(&provider, &format!("/login?request={key}"), at(1.0)).await;
    assert_eq!(answer.status, 404);
}

/// HYG-1-16
#[tokio::test]
async fn a_wrong_method_or_path_is_told_as_everywhere() {
    let provider = Provider::start().await;
    for (method, path, allowed) in [
        ("POST", "/login", "GET, HEAD"),
        ("POST", "/login/callback", "GET"),
        ("HEAD", "/login/callback", "GET"),
        ("PUT", "/me", "GET, HEAD"),
        ("GET", "/logout", "POST"),
    ] {
        let answer = provider.call(&provider.logging_in, &request(method, path, &[], ""), at(0.0)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    let answer = provider.call(&provider.logging_in, &request("GET", "/login/x", &[], ""), at(0.0)).await;
    assert_eq!(answer.refusal(), (404, "not_found"));
}

/// Each login has a cookie of its own, so two tabs do not disturb each other; and a browser is never filled with them.
#[tokio::test]
async fn logins_of_several_tabs_have_cookies_of_their_own() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let mut starts = Vec::new();
    for _ in 0..4 {
        starts.push(browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await);
    }
    assert_eq!(browser.names().len(), 4);
    let callback = stand.issuer.authorize(location(&starts[0]), "alice", at(2.0));
    assert_eq!(browser.get(&stand.provider, &callback, at(2.0)).await.status, 303);
    assert_eq!(browser.names().len(), 4, "its own is gone, and the session has come");
    for _ in 0..2 {
        browser.get(&stand.provider, &format!("/login?request={key}"), at(3.0)).await;
    }
    let logins = browser.names().iter().filter(|name| name.starts_with("ciba-login-")).count();
    assert_eq!(logins, 1, "the fifth takes the place of all others");
}
