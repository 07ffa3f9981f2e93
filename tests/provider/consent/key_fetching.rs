//! The login issuer's keys: fetched seldom, cached for an hour, and not there at times.

use ciba_local::server::listen;
use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::login_issuer::{LoginIssuer, decide, list};
use super::without_effect;
use crate::foreign_issuer::{Document, Key};

const HOUR: f64 = 3600.0;

async fn status(login: &LoginIssuer, provider: &Provider, key: &Key, now: f64) -> u16 {
    let token = login.signed_by(key, login.claims(at(now), json!({})));
    list(provider, &token, at(now)).await.status
}

fn approval() -> Value {
    json!({"client_id": "kiosk", "decision": "approve"})
}

/// HYG-4-05
#[tokio::test]
async fn the_keys_are_fetched_once_an_hour_for_many_calls() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    let (first, second) =
        tokio::join!(status(&login, &provider, &login.key, 0.0), status(&login, &provider, &login.key, 0.0));
    assert_eq!((first, second), (200, 200));
    for now in 1..20 {
        assert_eq!(status(&login, &provider, &login.key, f64::from(now) * 180.0).await, 200);
    }
    assert_eq!(login.fetches(), 1);
    assert_eq!(status(&login, &provider, &login.key, HOUR).await, 200);
    assert_eq!(login.fetches(), 2);
}

/// TOK-12-06, HYG-4-05
#[tokio::test]
async fn a_new_key_of_the_login_issuer_works_within_a_minute() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
    let new = Key::es256("two");
    login.publish(Document::of([&login.key, &new]));
    assert_eq!(status(&login, &provider, &new, 59.9).await, 401, "fetched a moment ago");
    assert_eq!(login.fetches(), 1);
    assert_eq!(status(&login, &provider, &new, 60.0).await, 200);
    assert_eq!(status(&login, &provider, &login.key, 60.0).await, 200);
    assert_eq!(login.fetches(), 2);
}

/// TOK-12-06
#[tokio::test]
async fn unknown_keys_cost_the_login_issuer_one_fetch_a_minute() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
    for n in 0..30 {
        let unknown = Key::es256(&format!("unknown-{n}"));
        assert_eq!(status(&login, &provider, &unknown, 60.0 + f64::from(n)).await, 401);
    }
    assert_eq!(login.fetches(), 2);
}

#[tokio::test]
async fn a_key_that_the_login_issuer_took_back_ends_within_the_hour() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
    login.publish(Document::of([&Key::es256("two")]));
    assert_eq!(status(&login, &provider, &login.key, HOUR).await, 401);
}

#[tokio::test]
async fn one_key_that_cannot_be_read_does_not_spoil_the_others() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    let keys = json!({"keys": [{"kty": "of the future"}, 7, login.key.jwk]});
    login.publish(Document { body: keys.to_string(), ..Document::of([]) });
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
}

/// TOK-12-07
#[tokio::test]
async fn of_two_keys_with_one_name_the_fitting_one_is_used() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    login.publish(Document::of([&Key::ed_dsa("one"), &login.key]));
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
}

/// Nobody is refused for what is not their fault, and nothing is decided without a proof.
#[tokio::test]
async fn unfetchable_keys_are_503_and_the_decision_stays_open() {
    let login = LoginIssuer::start().await;
    let good = Document::of([&login.key]);
    let body = |body: &str| Document { body: body.to_owned(), ..good.clone() };
    for (what, document) in [
        ("an error", Document { status: 500, ..good.clone() }),
        ("nothing", Document { status: 404, ..good.clone() }),
        ("a redirect", Document { status: 302, ..good.clone() }),
        ("another media type", Document { media_type: "text/html", ..good.clone() }),
        ("no JSON", body("<html>")),
        ("no key set", body("{}")),
        ("a key set that is none", body(r#"{"keys": {}}"#)),
        ("more than 64 KiB", body(&format!("{}{}", good.body, " ".repeat(64 * 1024)))),
    ] {
        let provider = login.provider().await;
        let (_, request) = provider.asked(&[("login_hint", "carol")], at(0.0)).await;
        login.publish(document);
        let before = login.fetches();
        let token = login.token(at(1.0), json!({}));
        for now in [1.0, 2.0, 5.9] {
            let deciding = decide(&provider, &token, &request, approval(), at(now));
            let answer = without_effect(&provider, deciding).await;
            assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{what}");
            assert!(answer.retry_after() >= 1);
            assert_eq!(answer.header("www-authenticate"), None, "{what}");
        }
        assert_eq!(login.fetches(), before + 1, "{what}: it is left alone for a moment");
        login.publish(good.clone());
        assert_eq!(decide(&provider, &token, &request, approval(), at(6.5)).await.status, 200, "{what}");
    }
}

#[tokio::test]
async fn a_login_issuer_that_does_not_answer_is_503() {
    let login = LoginIssuer::start().await;
    let closed = listen(0).await.unwrap().local_addr().unwrap().port();
    let jwks_uri = format!("http://localhost:{closed}/jwks");
    let provider = login.provider_with(json!({ "jwks_uri": jwks_uri }), &[]).await;
    let (_, request) = provider.asked(&[("login_hint", "carol")], at(0.0)).await;
    let token = login.token(at(1.0), json!({}));
    let deciding = decide(&provider, &token, &request, approval(), at(1.0));
    let answer = without_effect(&provider, deciding).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
}

/// HYG-4-05
#[tokio::test]
async fn fetched_keys_serve_a_day_while_the_login_issuer_is_down() {
    let login = LoginIssuer::start().await;
    let provider = login.provider().await;
    assert_eq!(status(&login, &provider, &login.key, 0.0).await, 200);
    login.publish(Document { status: 503, ..Document::of([]) });
    for hours in [1.0, 2.0, 23.9] {
        assert_eq!(status(&login, &provider, &login.key, hours * HOUR).await, 200, "{hours} h");
    }
    assert_eq!(status(&login, &provider, &login.key, 24.0 * HOUR).await, 503);
}

/// A login issuer that is down is its own people's trouble alone.
#[tokio::test]
async fn one_login_issuer_that_is_down_does_not_stop_another() {
    let (up, down) = (LoginIssuer::start().await, LoginIssuer::start().await);
    down.publish(Document { status: 500, ..Document::of([]) });
    let issuers = json!([down.setting(json!({})), up.setting(json!({}))]).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &issuers)]).await;
    assert_eq!(status(&down, &provider, &down.key, 0.0).await, 503);
    assert_eq!(status(&up, &provider, &up.key, 0.0).await, 200);
}
