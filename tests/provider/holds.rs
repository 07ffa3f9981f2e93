//! A server that is silent, or fails, holds nobody: it is left alone, by all sandboxes, longer each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backchannel_authentication::BackchannelAuthentication;
use ciba::domain::base::time::Timestamp;
use ciba_local::server::listen;
use ciba_tests::{Answer, Provider, at, basic, form, form_request, json_request};
use serde_json::{Value, json};

use crate::client_assertion::{Stand, asserted, claims};
use crate::foreign_issuer::{Document, ForeignIssuer, Key};

const HELD: (u16, &str) = (503, "temporarily_unavailable");

/// A server that takes every connection and never says anything.
struct Silent {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Silent {
    async fn start() -> Self {
        let listener = listen(0).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                held.push(connection);
            }
        });
        Self { url: format!("http://localhost:{port}/jwks"), connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A provider with the client `teller`, whose keys are at `uri`.
async fn stand(uri: &str) -> Stand {
    Stand::with(Key::es256("one"), json!({"jwks": null, "jwks_uri": uri}), &[]).await
}

/// An assertion in the name of `teller`, by anybody.
fn forged(stand: &Stand, now: Timestamp) -> String {
    stand.assertion(json!({"jti": now.millis().to_string(), "exp": now.seconds() + 60, "iat": now.seconds()}))
}

async fn asked(stand: &Stand, now: f64) -> Answer {
    stand.ask(&forged(stand, at(now)), at(now)).await
}

fn cold(provider: &Provider) -> BackchannelAuthentication {
    BackchannelAuthentication::new(&provider.environment()).expect("a function")
}

/// HYG-4-08: whoever names a client is not known yet, so nothing is waited for longer than a second.
#[tokio::test]
async fn a_stranger_holds_a_function_for_one_second_once() {
    let silent = Silent::start().await;
    let stand = stand(&silent.url).await;
    let begun = Instant::now();
    assert_eq!(asked(&stand, 1.0).await.refusal(), HELD);
    let first = begun.elapsed();
    assert!(first < Duration::from_millis(2500), "{first:?}");
    assert_eq!(silent.connections(), 1);
    for now in [1.1, 2.0, 4.0, 6.0, 6.9] {
        assert_eq!(asked(&stand, now).await.refusal(), HELD);
    }
    assert_eq!(silent.connections(), 1, "answered at once");
}

/// HYG-4-08: 5 s from its start would be over at 6.0.
#[tokio::test]
async fn the_pause_begins_at_the_end_of_the_failed_fetch() {
    let silent = Silent::start().await;
    let stand = stand(&silent.url).await;
    for (now, connections) in [(1.0, 1), (6.0, 1), (6.9, 1), (11.0, 2)] {
        assert_eq!(asked(&stand, now).await.refusal(), HELD, "{now}");
        assert_eq!(silent.connections(), connections, "{now}");
    }
}

/// HYG-4-08: a second look is reckoned to last as long as it may.
#[tokio::test]
async fn the_pause_doubles_with_each_failure() {
    let server = ForeignIssuer::start().await;
    server.publish(Document { status: 500, ..Document::of([]) });
    let stand = stand(&server.jwks_uri()).await;
    let mut now = 0.0;
    for (fetches, pause) in [5.0, 11.0, 21.0, 41.0, 81.0, 161.0, 301.0, 301.0].into_iter().enumerate() {
        assert_eq!(asked(&stand, now).await.refusal(), HELD, "{now}");
        assert_eq!(server.fetches(), fetches + 1, "{now}");
        assert_eq!(asked(&stand, now + pause - 0.1).await.refusal(), HELD);
        assert_eq!(server.fetches(), fetches + 1, "{pause} s after {now}");
        now += pause + 1.0;
    }
}

/// HYG-4-08: what one sandbox has found out, all know: of this function and of others.
#[tokio::test]
async fn a_pause_is_shared_by_all_sandboxes() {
    let silent = Silent::start().await;
    let stand = stand(&silent.url).await;
    assert_eq!(asked(&stand, 1.0).await.refusal(), HELD);
    let provider = &stand.provider;
    let asking = |path: &str| asserted(path, &forged(&stand, at(3.0)), &[("scope", "openid")]);
    for _ in 0..3 {
        let answer = provider.call(&cold(provider), &asking("/bc-authorize"), at(3.0)).await;
        assert_eq!(answer.refusal(), HELD);
    }
    assert_eq!(provider.call(&provider.token, &asking("/oauth/token"), at(3.0)).await.refusal(), HELD);
    assert_eq!(provider.call(&provider.revocation, &asking("/oauth/revoke"), at(3.0)).await.refusal(), HELD);
    assert_eq!(provider.call(&provider.introspection, &asking("/x"), at(3.0)).await.refusal(), HELD);
    assert_eq!(silent.connections(), 1);
}

/// HYG-4-08: else each of a thousand sandboxes would be held whenever the pause is over.
#[tokio::test]
async fn after_the_pause_one_of_many_sandboxes_looks_again() {
    let server = ForeignIssuer::start().await;
    server.publish(Document { status: 500, ..Document::of([]) });
    let stand = stand(&server.jwks_uri()).await;
    assert_eq!(asked(&stand, 1.0).await.refusal(), HELD);
    let provider = &stand.provider;
    let sandboxes: Vec<_> = (0..8).map(|_| cold(provider)).collect();
    let request = asserted("/bc-authorize", &forged(&stand, at(10.0)), &[("scope", "openid")]);
    let calls = sandboxes.iter().map(|sandbox| provider.call(sandbox, &request, at(10.0)));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.refusal(), HELD);
    }
    assert_eq!(server.fetches(), 2);
}

/// HYG-4-08: a set that is good again is good for all, at once.
#[tokio::test]
async fn a_set_that_is_back_serves_all_sandboxes() {
    let server = ForeignIssuer::start().await;
    let good = Document::of([&server.key]);
    server.publish(Document { status: 500, ..good.clone() });
    let stand = stand(&server.jwks_uri()).await;
    for now in [1.0, 7.0, 19.0] {
        assert_eq!(asked(&stand, now).await.refusal(), HELD);
    }
    server.publish(good);
    let now = at(41.0);
    let signed = |jti: &str| stand.signed_by(&server.key, json!({"jti": jti}));
    assert_eq!(stand.ask(&signed("1"), now).await.status, 200);
    let provider = &stand.provider;
    let request = asserted("/bc-authorize", &signed("2"), &[("scope", "openid"), ("login_hint", "bob")]);
    assert_eq!(provider.call(&cold(provider), &request, now).await.status, 200);
    // And its next failure is a first one.
    server.publish(Document { status: 500, ..Document::of([]) });
    let fetches = server.fetches();
    for (seconds, fetched) in [(3700.0, 1), (3704.0, 1), (3706.0, 2)] {
        asked(&stand, seconds).await;
        assert_eq!(server.fetches(), fetches + fetched, "{seconds}");
    }
}

/// HYG-4-08: of a login issuer, whose tokens anybody may make up, too.
#[tokio::test]
async fn a_silent_login_issuer_holds_nobody() {
    let silent = Silent::start().await;
    let issuer = json!([{"issuer": "http://localhost:1", "jwks_uri": silent.url, "algorithms": ["ES256"],
        "audience": {"claim": "aud", "value": "approval-app"}}]);
    let provider = Provider::empty(&[("LOGIN_ISSUERS", &issuer.to_string())]).await;
    let key = Key::es256("one");
    let forged = key.sign(&key.header().to_string(), &json!({"iss": "http://localhost:1"}).to_string());
    let call = json_request("GET", "/consent", Some(&forged), "");
    let begun = Instant::now();
    assert_eq!(provider.call(&provider.consent, &call, at(1.0)).await.refusal(), HELD);
    assert!(begun.elapsed() < Duration::from_millis(2500));
    assert_eq!(provider.call(&provider.consent, &call, at(6.5)).await.refusal(), HELD);
    let cold = consent::Consent::new(&provider.environment()).expect("a function");
    assert_eq!(provider.call(&cold, &call, at(6.5)).await.refusal(), HELD);
    assert_eq!(silent.connections(), 1);
}

/// HYG-4-08: of a hint issuer the clients make us ask, who are known by then.
#[tokio::test]
async fn a_hint_issuer_that_fails_is_left_alone_by_all_sandboxes() {
    let server = ForeignIssuer::start().await;
    server.publish(Document { status: 500, ..Document::of([]) });
    let issuers = json!([{"issuer": server.issuer, "jwks_uri": server.jwks_uri(), "algorithms": ["ES256"]}]);
    let provider = Provider::with(&[("HINT_ISSUERS", &issuers.to_string())]).await;
    let token = server.signed_by(&server.key, &json!({"iss": server.issuer}));
    let body = form(&[("scope", "openid"), ("login_hint_token", &token)]);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", ciba_tests::SECRET)), &body);
    let cold = cold(&provider);
    for (now, fetches) in [(1.0, 1), (5.9, 1), (6.5, 2), (20.0, 2), (22.0, 3)] {
        let answer = provider.call(&cold, &request, at(now)).await;
        assert_eq!(answer.refusal(), HELD, "{now}");
        let other = provider.call(&provider.backchannel_authentication, &request, at(now)).await;
        assert_eq!(other.refusal(), HELD, "{now}");
        assert_eq!(server.fetches(), fetches, "{now}");
    }
}

/// HYG-4-08: keys that were good serve on meanwhile, for a day.
#[tokio::test]
async fn a_client_is_served_by_the_keys_it_had() {
    let server = ForeignIssuer::start().await;
    let stand = stand(&server.jwks_uri()).await;
    let signed = |jti: &str, now: Timestamp| {
        let claims = claims(json!({"jti": jti, "iat": now.seconds(), "exp": now.seconds() + 60}));
        server.signed_by(&server.key, &claims)
    };
    assert_eq!(stand.ask(&signed("1", at(1.0)), at(1.0)).await.status, 200);
    server.publish(Document { status: 500, ..Document::of([]) });
    for now in [3700.0, 3701.0, 40_000.0, 86_000.0] {
        let token: Value = now.to_string().into();
        let answer = stand.ask(&signed(token.as_str().expect("a text"), at(now)), at(now)).await;
        assert_eq!(answer.status, 200, "{now}: {answer:?}");
    }
}
