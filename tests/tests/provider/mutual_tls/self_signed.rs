//! `self_signed_tls_client_auth` (RFC 8705 §2.2): the certificate is known, not who signed it.

use ciba_tests::Provider;
use ciba_tests::mutual_tls::{issued, key_set, self_signed, self_signed_with_another};
use rcgen::{BasicConstraints, IsCa};
use serde_json::json;

use super::*;

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
async fn a_certificate_in_the_trust_store_makes_nobody_a_client_of_tls_client_auth() {
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
