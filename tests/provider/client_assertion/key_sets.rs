//! Where a client's keys come from: its record, or its `jwks_uri`.

use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{Stand, UNAUTHENTICATED, register};
use crate::foreign_issuer::{Document, ForeignIssuer, Key};

/// A client whose keys are at the server of `keys`.
async fn fetched(keys: &ForeignIssuer) -> Stand {
    let changes = json!({"jwks": null, "jwks_uri": keys.jwks_uri()});
    Stand::with(Key::es256("unused"), changes, &[]).await
}

/// An assertion of the first minutes.
fn lasting(stand: &Stand, key: &Key, jti: &str) -> String {
    stand.signed_by(key, json!({"jti": jti, "exp": at(600.0).seconds()}))
}

/// TOK-12-06, HYG-4-05: for a new one they are fetched again, at most once a minute.
#[tokio::test]
async fn keys_at_a_uri_are_fetched_once() {
    let server = ForeignIssuer::start().await;
    let stand = fetched(&server).await;
    for jti in ["1", "2", "3"] {
        assert_eq!(stand.ask(&lasting(&stand, &server.key, jti), at(1.0)).await.status, 200, "{jti}");
    }
    assert_eq!(server.fetches(), 1);
    let new = Key::es256("two");
    server.publish(Document::of([&server.key, &new]));
    let assertion = lasting(&stand, &new, "4");
    assert_eq!(stand.ask(&assertion, at(60.0)).await.refusal(), UNAUTHENTICATED);
    assert_eq!(server.fetches(), 1, "not within a minute");
    assert_eq!(stand.ask(&assertion, at(61.0)).await.status, 200, "and nothing was used up");
    assert_eq!(server.fetches(), 2);
    for jti in ["5", "6"] {
        let unknown = lasting(&stand, &Key::es256("three"), jti);
        assert_eq!(stand.ask(&unknown, at(62.0)).await.refusal(), UNAUTHENTICATED);
    }
    assert_eq!(server.fetches(), 2, "whoever makes up names makes nobody fetch");
}

/// A key that is gone stays gone: within the hour that a set is fresh.
#[tokio::test]
async fn a_key_that_is_no_longer_published_ends_within_an_hour() {
    let server = ForeignIssuer::start().await;
    let stand = fetched(&server).await;
    assert_eq!(stand.ask(&lasting(&stand, &server.key, "1"), at(1.0)).await.status, 200);
    server.publish(Document::of([&Key::es256("two")]));
    let late = json!({"jti": "2", "exp": at(3660.0).seconds()});
    let assertion = stand.signed_by(&server.key, late);
    assert_eq!(stand.ask(&assertion, at(3602.0)).await.refusal(), UNAUTHENTICATED);
}

/// Nobody is refused for what is not their fault, and nothing is used up.
#[tokio::test]
async fn unfetchable_keys_are_503_and_the_assertion_stays_valid() {
    let server = ForeignIssuer::start().await;
    let good = Document::of([&server.key]);
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(65_536));
    for (n, document) in [
        Document { status: 500, ..good.clone() },
        Document { status: 302, ..good.clone() },
        Document { media_type: "text/html", ..good.clone() },
        Document { body: "no JSON".to_owned(), ..good.clone() },
        Document { body: huge, ..good.clone() },
        Document { body: good.body.replacen('{', r#"{"keys":[],"#, 1), ..good.clone() },
    ]
    .into_iter()
    .enumerate()
    {
        let stand = fetched(&server).await;
        let assertion = stand.signed_by(&server.key, json!({}));
        server.publish(document);
        let answer = stand.ask(&assertion, at(1.0)).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{n}");
        assert!(answer.retry_after() >= 1);
        server.publish(good.clone());
        assert_eq!(stand.ask(&assertion, at(7.0)).await.status, 200, "{n}");
    }
}

/// HYG-4-07
#[tokio::test]
async fn a_set_of_more_than_twenty_keys_is_read_up_to_the_twentieth() {
    let server = ForeignIssuer::start().await;
    let stand = fetched(&server).await;
    let many: Vec<_> = (0..20).map(|n| Key::es256(&format!("key-{n}"))).collect();
    server.publish(Document::of(many.iter().chain([&server.key])));
    let beyond = lasting(&stand, &server.key, "1");
    assert_eq!(stand.ask(&beyond, at(1.0)).await.refusal(), UNAUTHENTICATED);
    assert_eq!(stand.ask(&lasting(&stand, &many[19], "2"), at(1.0)).await.status, 200);
}

/// TOK-12-07, HYG-3-02, CIBA-7.1.1-16
#[tokio::test]
async fn of_keys_with_one_name_the_one_for_the_algorithm_is_used() {
    let keys = [Key::ps256("same"), Key::ed_dsa("same"), Key::es256("same"), Key::rs256("same")];
    let stand = Stand::new().await;
    let mut jwks: Vec<Value> = keys.iter().map(|key| key.jwk.clone()).collect();
    let mut encryption = Key::es256("same").jwk;
    encryption["use"] = json!("enc");
    jwks.insert(0, encryption);
    register(&stand.provider, "teller", &[], json!({"jwks": {"keys": jwks}})).await;
    for key in &keys {
        let assertion = stand.signed_by(key, json!({"jti": key.alg}));
        assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200, "{}", key.alg);
    }
}

/// RFC 7515 §4.1.4: a name is needed where it makes a difference.
#[tokio::test]
async fn without_a_name_only_a_single_fitting_key_is_used() {
    let stand = Stand::new().await;
    let nameless = |jti: &str| {
        let header = json!({"alg": "ES256"}).to_string();
        stand.key.sign(&header, &super::claims(json!({ "jti": jti })).to_string())
    };
    assert_eq!(stand.ask(&nameless("1"), at(1.0)).await.status, 200);
    register(&stand.provider, "teller", &[&stand.key, &Key::es256("two")], json!({})).await;
    let answer = stand.ask(&nameless("2"), at(62.0)).await;
    assert_eq!(answer.refusal(), UNAUTHENTICATED);
}

/// What a warm function knows of a client may be old: new keys work at once.
#[tokio::test]
async fn new_keys_in_the_record_work_at_once() {
    let stand = Stand::new().await;
    assert_eq!(stand.ask(&stand.assertion(json!({})), at(1.0)).await.status, 200);
    let new = Key::es256("two");
    register(&stand.provider, "teller", &[&new], json!({})).await;
    let assertion = stand.signed_by(&new, json!({"jti": "2"}));
    assert_eq!(stand.ask(&assertion, at(2.0)).await.status, 200);
    assert_eq!(stand.ask(&stand.assertion(json!({"jti": "3"})), at(3.0)).await.refusal(), UNAUTHENTICATED);
}

/// HYG-4-02, HYG-4-03: an issuer that is not on this machine fetches nothing from it.
#[tokio::test]
async fn a_jwks_uri_is_https_on_a_public_host() {
    let provider = Provider::start().await;
    for uri in
        ["http://client.example/keys", "https://10.0.0.1/keys", "https://client.example:8443/keys", "keys"]
    {
        let metadata = json!({"client_id": "teller", "client_secret": null,
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri});
        assert!(provider.register(metadata).await.is_err(), "{uri}");
    }
}

/// CIBA-4-10, CIBA-4-12, CAUTH-3-12, HYG-4-07, DCR-18
#[tokio::test]
async fn contradictory_or_unusable_keys_are_not_registered() {
    let provider = Provider::start().await;
    let key = Key::es256("one").jwk;
    let register = async |changes: Value| {
        let mut metadata = json!({"client_id": "teller", "client_secret": null, "jwks": {"keys": [key]},
            "token_endpoint_auth_method": "private_key_jwt"});
        for (name, value) in changes.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        provider.register(metadata).await
    };
    let (mut private, mut symmetric) = (key.clone(), key.clone());
    private["d"] = json!("AAAA");
    symmetric["kty"] = json!("oct");
    symmetric["k"] = json!("AAAA");
    let uri = "http://localhost:9/keys";
    for (changes, why) in [
        (json!({"jwks": null}), "jwks"),
        (json!({"jwks_uri": uri}), "exclude"),
        (json!({"jwks": {"keys": []}}), "no key"),
        (json!({"jwks": [key]}), "JWK Set"),
        (json!({"jwks": {"keys": vec![&key; 21]}}), "more than 20"),
        (json!({"jwks": {"keys": [key, private]}}), "private"),
        (json!({"jwks": {"keys": [symmetric]}}), "private"),
        (json!({"jwks": {"keys": [{"kty": "EC"}]}}), "malformed"),
        (json!({"jwks": {"keys": [{"kty": "EC", "x": "x".repeat(17_000)}]}}), "jwks"),
        (json!({"client_secret": "s".repeat(40)}), "client_secret"),
        (json!({"token_endpoint_auth_signing_alg": "HS256"}), "token_endpoint_auth_signing_alg"),
        (json!({"token_endpoint_auth_signing_alg": "none"}), "token_endpoint_auth_signing_alg"),
        (json!({"assertion_audience": "anything"}), "assertion_audience"),
        (json!({"backchannel_authentication_request_signing_alg": "HS256"}), "request_signing_alg"),
        (json!({"backchannel_authentication_request_signing_alg": "none"}), "request_signing_alg"),
    ] {
        let refused =
            register(changes.clone()).await.err().unwrap_or_else(|| panic!("registered: {changes}"));
        assert!(refused.contains(why), "{changes}: {refused}");
    }
    for changes in [
        json!({}),
        json!({"jwks": null, "jwks_uri": uri}),
        json!({"token_endpoint_auth_signing_alg": "ES256", "assertion_audience": "endpoints"}),
        json!({"backchannel_authentication_request_signing_alg": "ES256"}),
    ] {
        register(changes.clone()).await.unwrap_or_else(|why| panic!("{changes}: {why}"));
    }
    let keyless = json!({"client_id": "till", "backchannel_authentication_request_signing_alg": "ES256"});
    assert!(provider.register(keyless).await.is_err(), "a signer without keys");
}
