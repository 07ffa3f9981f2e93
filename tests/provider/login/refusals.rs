//! What ends a login without a session: each with a page that says what to do, and nothing is decided.

use ciba_tests::{at, form};
use serde_json::{Value, json};
use url::Url;

use super::browser::Browser;
use super::issuer::{Login, OpenIdProvider};
use super::{Stand, location};

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");
const OUTDATED: (u16, &str) = (400, "Open the link in your message");
const CANCELLED: (u16, &str) = (400, "You did not sign in");
const REFUSED: (u16, &str) = (400, "could not be confirmed");
const DOWN: (u16, &str) = (503, "does not work right now");

/// A login that has begun: the way to the issuer, and the browser that goes there.
async fn begun(stand: &Stand) -> (String, Browser, String) {
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let start = browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await;
    (key, browser, location(&start).to_owned())
}

/// RP-1-03: login CSRF. An attacker has somebody's browser open the answer to their own login.
#[tokio::test]
async fn an_answer_in_another_browser_logs_nobody_in() {
    let stand = Stand::new().await;
    let (key, _, url) = begun(&stand).await;
    let callback = stand.issuer.authorize(&url, "bob", at(2.0));
    let mut victim = Browser::new();
    stand.refused(victim.get(&stand.provider, &callback, at(2.0)), OUTDATED).await;
    // Nor with a login of its own that has begun.
    victim.get(&stand.provider, &format!("/login?request={key}"), at(2.0)).await;
    stand.refused(victim.get(&stand.provider, &callback, at(2.0)), OUTDATED).await;
    assert!(stand.issuer.calls().is_empty(), "the code stays where it is");
}

/// RP-1-03: `state` and the cookie belong together, whatever the cookie is called.
#[tokio::test]
async fn a_cookie_of_another_login_does_not_fit() {
    let stand = Stand::new().await;
    let (key, mut browser, first) = begun(&stand).await;
    let names: Vec<_> = browser.names().iter().map(|it| (*it).to_owned()).collect();
    let start = browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await;
    let second =
        browser.names().into_iter().find(|name| !names.iter().any(|it| it == name)).expect("another");
    let value = browser.cookie(second).to_owned();
    browser.set(&names[0], &value);
    let callback = stand.issuer.authorize(&first, "alice", at(2.0));
    stand.refused(browser.get(&stand.provider, &callback, at(2.0)), OUTDATED).await;
    let callback = stand.issuer.authorize(location(&start), "alice", at(2.0));
    assert_eq!(browser.get(&stand.provider, &callback, at(2.0)).await.status, 303, "its own still does");
}

/// RP-1-04: mix-up. The answer names another issuer, or none although the issuer announces that it does.
#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let stand = Stand::new().await;
    stand.issuer.change_metadata(json!({"authorization_response_iss_parameter_supported": true}));
    let evil = OpenIdProvider::start("evil").await;
    for iss in [Some(evil.issuer().to_owned()), Some(format!("{}/", stand.issuer.issuer())), None] {
        let (_, mut browser, url) = begun(&stand).await;
        let callback = Url::parse(&stand.issuer.authorize(&url, "alice", at(2.0))).expect("a URL");
        let pairs = callback.query_pairs().into_owned().filter(|(name, _)| name != "iss");
        let pairs: Vec<_> = pairs.chain(iss.clone().map(|iss| ("iss".to_owned(), iss))).collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let target = format!("/login/callback?{}", form(&pairs));
        stand.refused(browser.get(&stand.provider, &target, at(2.0)), REFUSED).await;
    }
    assert!(stand.issuer.calls().is_empty(), "no token endpoint sees the code");
}

/// RP-1-05: an answer counts once, even if the browser keeps its cookie.
#[tokio::test]
async fn a_replayed_answer_is_refused() {
    let stand = Stand::new().await;
    let (_, mut browser, url) = begun(&stand).await;
    let before = browser.clone();
    let callback = stand.issuer.authorize(&url, "alice", at(2.0));
    assert_eq!(browser.get(&stand.provider, &callback, at(2.0)).await.status, 303);
    stand.refused(browser.get(&stand.provider, &callback, at(3.0)), OUTDATED).await;
    stand.refused(before.clone().get(&stand.provider, &callback, at(3.0)), OUTDATED).await;
    // Nor with another code for the same `state`.
    let again = stand.issuer.authorize(&url, "alice", at(3.0));
    stand.refused(before.clone().get(&stand.provider, &again, at(3.0)), OUTDATED).await;
    assert_eq!(stand.issuer.calls().len(), 1);
}

/// RP-1-05: a code that the issuer does not know, or knows from before.
#[tokio::test]
async fn a_code_that_the_issuer_refuses_logs_nobody_in() {
    let stand = Stand::new().await;
    let (_, mut browser, url) = begun(&stand).await;
    let callback = stand.issuer.authorize(&url, "alice", at(2.0)).replace("a-code-number", "another-code");
    stand.refused(browser.get(&stand.provider, &callback, at(2.0)), OUTDATED).await;
}

/// RP-1-05: a code of another login does not fit its verifier.
#[tokio::test]
async fn a_code_of_another_login_is_not_redeemed() {
    let stand = Stand::new().await;
    let (key, mut browser, url) = begun(&stand).await;
    let mut attacker = Browser::new();
    let start = attacker.get(&stand.provider, &format!("/login?request={key}"), at(1.0)).await;
    let theirs = Url::parse(&stand.issuer.authorize(location(&start), "bob", at(2.0))).expect("a URL");
    let code = theirs.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let own = Url::parse(&url).expect("a URL");
    let state = own.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let callback = format!("/login/callback?{}", form(&[("code", &code), ("state", &state)]));
    stand.refused(browser.get(&stand.provider, &callback, at(2.0)), OUTDATED).await;
}

#[tokio::test]
async fn a_login_that_took_too_long_starts_again() {
    let stand = Stand::new().await;
    let (_, mut browser, url) = begun(&stand).await;
    let callback = stand.issuer.authorize(&url, "alice", at(600.0));
    stand.refused(browser.get(&stand.provider, &callback, at(601.0)), OUTDATED).await;
}

/// OIDC Core §3.1.2.6
#[tokio::test]
async fn a_person_who_cancels_is_told_what_to_do() {
    let stand = Stand::new().await;
    let (key, mut browser, url) = begun(&stand).await;
    let url = Url::parse(&url).expect("a URL");
    let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let callback = form(&[("error", "access_denied"), ("error_description", "<b>no</b>"), ("state", &state)]);
    let target = format!("/login/callback?{callback}");
    let calling = browser.get(&stand.provider, &target, at(2.0));
    stand.refused(calling, CANCELLED).await;
    // They find back, and can still decline or log in.
    let page = browser.get(&stand.provider, &format!("/consent/{key}"), at(3.0)).await;
    assert!(page.html.contains("/login?request="), "{}", page.html);
}

/// RP-1-06: each claim that says that the token is for something else.
#[tokio::test]
async fn an_id_token_of_another_audience_or_login_is_refused() {
    let stand = Stand::new().await;
    for claims in [
        json!({"aud": "approval-app"}),
        json!({"aud": ["ciba-page", "approval-app"]}),
        json!({"aud": null}),
        json!({"azp": "approval-app"}),
        json!({"iss": "https://login.example"}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"exp": at(-100.0).seconds()}),
        json!({"iat": at(-1000.0).seconds()}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
        json!({"sub": null}),
    ] {
        refused_as(&stand, &claims).await;
    }
}

/// RP-1-07: `auth_time` is asked for, and a token without it or with an old one is refused.
#[tokio::test]
async fn a_login_too_long_ago_is_refused() {
    let stand = Stand::new().await;
    for auth_time in [json!(at(-299.0).seconds()), json!(at(100.0).seconds()), json!("now"), Value::Null] {
        refused_as(&stand, &json!({ "auth_time": auth_time })).await;
    }
}

async fn refused_as(stand: &Stand, claims: &Value) {
    let (_, mut browser, url) = begun(stand).await;
    let login = Login { sub: "alice", claims: claims.clone() };
    let callback = stand.issuer.authorize_as(&url, &login, at(2.0));
    let calling = browser.get(&stand.provider, &callback, at(2.0));
    stand.refused(calling, REFUSED).await;
}

/// HYG-1-12: whatever is in a URL, a browser is sent to a configured issuer or to the request.
#[tokio::test]
async fn no_parameter_sends_a_browser_elsewhere() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let evil = "https://evil.example/";
    let mut browser = Browser::new();
    for name in
        ["redirect_uri", "return_to", "next", "url", "iss", "issuer", "target_link_uri", "idp", "client_id"]
    {
        let target = format!("/login?{}", form(&[("request", &key), (name, evil)]));
        let answer = browser.get(&stand.provider, &target, at(1.0)).await;
        assert!(
            location(&answer).starts_with(&format!("{}/authorize?", stand.issuer.issuer())),
            "{answer:?}"
        );
        assert!(!location(&answer).contains("evil"), "{answer:?}");
        let callback = stand.issuer.authorize(location(&answer), "alice", at(2.0));
        let callback = format!("{callback}&{}", form(&[(if name == "iss" { "to" } else { name }, evil)]));
        let answer = browser.get(&stand.provider, &callback, at(2.0)).await;
        assert_eq!((answer.status, location(&answer)), (303, &*format!("/consent/{key}")), "{name}");
    }
    for request in
        [evil, "//evil.example", "/\\evil.example", &format!("{key}/../../x"), &format!("{key}@x"), ""]
    {
        let target = format!("/login?{}", form(&[("request", request)]));
        let answer = browser.get(&stand.provider, &target, at(1.0)).await;
        assert_eq!((answer.status, answer.header("location")), (404, None), "{request}");
    }
    let twice = format!("/login?request={key}&request={key}");
    assert_eq!(browser.get(&stand.provider, &twice, at(1.0)).await.status, 404);
}

/// RP-1-09: metadata, keys and tokens come from the issuer, and without any of them nobody is logged in.
#[tokio::test]
async fn an_issuer_that_is_down_is_told_and_decides_nothing() {
    let stand = Stand::new().await;
    let (_, mut browser, url) = begun(&stand).await;
    let callback = stand.issuer.authorize(&url, "alice", at(2.0));
    stand.issuer.fail(500, json!({}));
    stand.refused(browser.get(&stand.provider, &callback, at(2.0)), DOWN).await;
    // It reports a failure itself.
    let (_, mut browser, url) = begun(&stand).await;
    let url = Url::parse(&url).expect("a URL");
    let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let callback = form(&[("error", "temporarily_unavailable"), ("state", &state)]);
    let target = format!("/login/callback?{callback}");
    let calling = browser.get(&stand.provider, &target, at(2.0));
    stand.refused(calling, DOWN).await;
    // It does not accept this provider as its client.
    let (_, mut browser, url) = begun(&stand).await;
    let callback = stand.issuer.authorize(&url, "alice", at(2.0));
    stand.issuer.fail(401, json!({"error": "invalid_client"}));
    stand.refused(browser.get(&stand.provider, &callback, at(2.0)), DOWN).await;
}

/// RP-1-09: it is left alone for a moment, and then asked again.
#[tokio::test]
async fn a_login_starts_when_the_issuer_answers_again() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let target = format!("/login?request={key}");
    stand.issuer.fail(500, json!({}));
    stand.refused(browser.get(&stand.provider, &target, at(1.0)), DOWN).await;
    stand.issuer.recover();
    stand.refused(browser.get(&stand.provider, &target, at(2.0)), DOWN).await;
    // Declining does not need the issuer.
    let page = browser.get(&stand.provider, &format!("/consent/{key}"), at(3.0)).await;
    assert!(page.html.contains("name=\"decision\" value=\"deny\""), "{}", page.html);
    assert_eq!(browser.get(&stand.provider, &target, at(20.0)).await.status, 303);
}

/// RP-1-02
#[tokio::test]
async fn metadata_that_are_none_of_the_issuers_start_no_login() {
    for changes in [
        json!({"issuer": "https://login.example"}),
        json!({"authorization_endpoint": "http://login.example/authorize"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"token_endpoint": "https://10.0.0.1/token"}),
    ] {
        let stand = Stand::new().await;
        stand.issuer.change_metadata(changes);
        let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
        let mut browser = Browser::new();
        stand.refused(browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)), DOWN).await;
        assert!(browser.names().is_empty());
    }
}

/// ATK-7-03: who tries links learns nothing: a login starts for each that could be one.
#[tokio::test]
async fn a_login_starts_alike_whether_or_not_a_request_is_open() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE, ("requested_expiry", "10")], at(0.0)).await;
    for (request, now) in [(&*key, 1.0), (&*key, 11.0), ("AAAAAAAAAAAAAAAAAAAAAA", 1.0)] {
        let target = format!("/login?request={request}");
        let answer = Browser::new().get(&stand.provider, &target, at(now)).await;
        assert_eq!(answer.status, 303, "{request}");
        assert!(location(&answer).starts_with(stand.issuer.issuer()), "{answer:?}");
    }
    let answer = Browser::new().get(&stand.provider, "/login?request=x", at(1.0)).await;
    assert_eq!((answer.status, answer.header("location")), (404, None));
}
