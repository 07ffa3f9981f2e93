//! `self_signed_tls_client_auth` (RFC 8705 §2.2): the certificate is known, not who signed it.

use ciba_tests::Provider;
use ciba_tests::mutual_tls::{issued, key_set, self_signed, self_signed_with_another};
use rcgen::{BasicConstraints, IsCa};
use serde_json::json;

use super::*;
use crate::foreign_issuer::{Document, ForeignIssuer};

async fn register_with(provider: &Provider, client_id: &str, certificates: &[&[u8]]) {
    let metadata =
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": key_set(certificates)});
    register(provider, client_id, metadata).await;
}

/// CAUTH-4-05
#[tokio::test]
async fn each_registered_certificate_is_the_clients_and_no_other_is() {
    let provider = provider().await;
    let (old, new) = (self_signed("Till 9", |_| {}), self_signed("Till 9", |_| {}));
    register_with(&provider, "own", &[&old, &new]).await;
    for certificate in [&old, &new] {
        assert_eq!(ask(&provider, &asking("own", certificate)).await.status, 200);
    }
    let over = self_signed("Till 9", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 14));
    register_with(&provider, "over", &[&over]).await;
    register_with(&provider, "other", &[&self_signed("Till 9", |_| {})]).await;
    for (what, request) in [
        ("another of the same name", asking("own", &self_signed("Till 9", |_| {}))),
        ("one by an authority", asking("own", &issued("Till 9", |_| {}))),
        ("one that is over", asking("over", &over)),
        ("another client's", asking("other", &old)),
        ("at a client of tls_client_auth", asking("till", &old)),
    ] {
        refused(&provider, what, &request).await;
    }
}

/// CAUTH-4-05: RFC 8705 §2.2.2 has one set for all of a client's keys.
#[tokio::test]
async fn only_the_key_for_tls_needs_a_certificate() {
    let provider = provider().await;
    let own = self_signed("Till 9", |_| {});
    let key = key_set(&[&own])["keys"][0].clone();
    let mut signs = key.clone();
    signs.as_object_mut().unwrap().remove("x5c");
    signs["use"] = json!("sig");
    for keys in [json!([signs, key]), json!([key, signs])] {
        let metadata =
            json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": keys}});
        register(&provider, "own", metadata).await;
        assert_eq!(ask(&provider, &asking("own", &own)).await.status, 200);
        refused(&provider, "another", &asking("own", &self_signed("Till 9", |_| {}))).await;
    }
    let metadata = |keys: serde_json::Value| {
        json!({"client_id": "x", "client_secret": null, "jwks": {"keys": keys},
            "token_endpoint_auth_method": "self_signed_tls_client_auth"})
    };
    let mut odd = signs.clone();
    for x5c in [json!([]), json!(["AAAA"]), json!("AAAA")] {
        odd["x5c"] = x5c;
        let refusal = provider.register(metadata(json!([key, odd]))).await.unwrap_err();
        assert!(refusal.contains("x5c") || refusal.contains("malformed"), "{refusal}");
    }
    let refusal = provider.register(metadata(json!([signs, signs]))).await.unwrap_err();
    assert!(refusal.contains("no key of jwks has a certificate"), "{refusal}");
}

/// CAUTH-4-05: the chain does not matter, so a certificate by an authority is as good.
#[tokio::test]
async fn a_registered_certificate_may_be_one_by_an_authority() {
    let provider = provider().await;
    let certificate = issued("Till 9", |_| {});
    register_with(&provider, "own", &[&certificate]).await;
    assert_eq!(ask(&provider, &asking("own", &certificate)).await.status, 200);
    // Byte for byte: its name alone is worth nothing.
    refused(&provider, "a second one", &asking("own", &issued("Till 9", |_| {}))).await;
}

/// CAUTH-4-06: who may put a certificate into the trust store must not become an authority by that, nor somebody else.
#[tokio::test]
async fn a_trust_store_certificate_gives_no_tls_client_auth() {
    let provider = provider().await;
    let own = self_signed("Till 7", |_| {});
    register_with(&provider, "own", &[&own]).await;
    refused(&provider, "the name of another client", &asking("till", &own)).await;
    // A certificate in a trust store is an anchor: what its key signs passes there, whatever it says of itself.
    let (own_too, minted) = self_signed_with_another("Till 10", "Till 7");
    register_with(&provider, "own-too", &[&own_too]).await;
    refused(&provider, "one that a client signed", &asking("till", &minted)).await;

    let authority = self_signed("Till 7", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let metadata = |jwks| {
        json!({"client_id": "x", "client_secret": null, "jwks": jwks,
            "token_endpoint_auth_method": "self_signed_tls_client_auth"})
    };
    let refusal = provider.register(metadata(key_set(&[&own, &authority]))).await.unwrap_err();
    assert!(refusal.contains("CA:TRUE"), "{refusal}");
    let mut without = key_set(&[&own]);
    without["keys"][0].as_object_mut().unwrap().remove("x5c");
    for jwks in [without, key_set(&[b"x"]), key_set(&[&own[1..]])] {
        let refusal = provider.register(metadata(jwks)).await.unwrap_err();
        assert!(refusal.contains("x5c"), "{refusal}");
    }
}

/// A warm function keeps a client for a minute: a new certificate must work at once.
#[tokio::test]
async fn a_new_certificate_works_at_once() {
    let provider = provider().await;
    let (old, new) = (self_signed("Till 9", |_| {}), self_signed("Till 9", |_| {}));
    register_with(&provider, "own", &[&old]).await;
    assert_eq!(ask(&provider, &asking("own", &old)).await.status, 200);
    register_with(&provider, "own", &[&new]).await;
    assert_eq!(ask(&provider, &asking("own", &new)).await.status, 200);
    refused(&provider, "the old one", &asking("own", &old)).await;
}

/// The client `own`, whose certificates are at the server's `jwks_uri`.
async fn register_uri(provider: &Provider, server: &ForeignIssuer) {
    let metadata =
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks_uri": server.jwks_uri()});
    register(provider, "own", metadata).await;
}

fn published(certificates: &[&[u8]]) -> Document {
    Document { status: 200, media_type: "application/json", body: key_set(certificates).to_string() }
}

/// `own` asks with this certificate at this second.
async fn ask_at(provider: &Provider, certificate: &[u8], seconds: f64) -> Answer {
    provider.call(&provider.backchannel_authentication, &asking("own", certificate), at(seconds)).await
}

/// CAUTH-4-05, HYG-4-05: it stays valid for a minute after that.
#[tokio::test]
async fn a_certificate_at_a_uri_is_valid_while_published() {
    let provider = provider().await;
    let server = ForeignIssuer::start().await;
    register_uri(&provider, &server).await;
    let (old, new) = (self_signed("Till 9", |_| {}), self_signed("Till 9", |_| {}));
    let stranger = self_signed("Till 9", |_| {});
    server.publish(published(&[&self_signed("Till 10", |_| {}), &old]));
    assert_eq!(ask_at(&provider, &old, 1.0).await.status, 200);
    refused(&provider, "another of the same name", &asking("own", &stranger)).await;
    assert_eq!(server.fetches(), 1);

    server.publish(published(&[&new]));
    assert_eq!(ask_at(&provider, &old, 60.0).await.status, 200);
    assert_eq!(ask_at(&provider, &new, 60.0).await.refusal(), UNAUTHENTICATED);
    assert_eq!(server.fetches(), 1, "not within a minute");
    assert_eq!(ask_at(&provider, &old, 61.0).await.refusal(), UNAUTHENTICATED);
    assert_eq!(ask_at(&provider, &new, 61.0).await.status, 200);
    assert_eq!(server.fetches(), 2, "whoever has any certificate makes nobody fetch");

    // A key without a certificate, and one whose certificate cannot be read, are nobody's.
    let mut set = key_set(&[&new, b"x"]);
    set["keys"][0].as_object_mut().unwrap().remove("x5c");
    server.publish(Document { body: set.to_string(), ..published(&[]) });
    assert_eq!(ask_at(&provider, &new, 121.0).await.refusal(), UNAUTHENTICATED);
}

/// Nobody is refused for what is not their fault: a certificate that is not known may be a new one.
#[tokio::test]
async fn unfetchable_certificates_are_503_and_known_ones_last_a_day() {
    let provider = provider().await;
    let server = ForeignIssuer::start().await;
    register_uri(&provider, &server).await;
    let (own, new) = (self_signed("Till 9", |_| {}), self_signed("Till 9", |_| {}));
    let broken = Document { status: 500, ..published(&[&own]) };
    let unavailable = (503, "temporarily_unavailable");
    let before = provider.traces().await;
    for (n, document) in
        [broken.clone(), Document { body: "no JSON".to_owned(), ..published(&[]) }].into_iter().enumerate()
    {
        server.publish(document);
        let answer = ask_at(&provider, &own, 1.0 + 6.0 * n as f64).await;
        assert_eq!(answer.refusal(), unavailable, "{n}");
        assert!(answer.retry_after() >= 1);
    }
    assert_eq!(provider.traces().await, before);

    server.publish(published(&[&own]));
    assert_eq!(ask_at(&provider, &own, 20.0).await.status, 200);
    server.publish(broken);
    assert_eq!(ask_at(&provider, &own, 100.0).await.status, 200);
    assert_eq!(ask_at(&provider, &new, 101.0).await.refusal(), unavailable);
    assert_eq!(ask_at(&provider, &own, 86_419.0).await.status, 200);
    assert_eq!(ask_at(&provider, &own, 86_421.0).await.refusal(), unavailable);
}

/// CAUTH-4-06: as where it stands in the client's record.
#[tokio::test]
async fn a_certificate_at_a_uri_that_may_sign_others_is_refused() {
    let provider = provider().await;
    let server = ForeignIssuer::start().await;
    register_uri(&provider, &server).await;
    let authority = self_signed("Till 9", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let own = self_signed("Till 9", |_| {});
    server.publish(published(&[&authority, &own]));
    refused(&provider, "an authority", &asking("own", &authority)).await;
    assert_eq!(ask(&provider, &asking("own", &own)).await.status, 200);
}
