//! What a client under the profile registers, and what a deployment under it says of itself.

use ciba::config::{Issuer, LoginIssuers};
use ciba::domain::base::profile::Profile;
use ciba::flows::registering::register_client::RegisterClient;
use ciba_tests::mutual_tls::{MTLS_URL, mtls_authorities};
use ciba_tests::{Provider, SECRET, START, request};
use serde_json::{Value, json};

use crate::foreign_issuer::{Key, change};

/// What a FAPI client registers.
fn bank() -> Value {
    // Without `alg`, for each algorithm of RSA.
    let mut rsa = Key::ps256("one").jwk;
    change(&mut rsa, json!({"alg": null}));
    json!({
        "client_id": "bank", "profile": "fapi-ciba", "client_secret": null,
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256",
        "jwks": {"keys": [rsa, Key::ed_dsa("two").jwk]},
        "backchannel_authentication_request_signing_alg": "PS256",
        "tls_client_certificate_bound_access_tokens": true,
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
        "scope": "openid profile offline_access",
    })
}

async fn register(provider: &Provider, changes: Value) -> Result<(), String> {
    let mut metadata = bank();
    change(&mut metadata, changes);
    // The tests' own client has one unless it says otherwise.
    metadata["client_secret"] = metadata.get("client_secret").cloned().unwrap_or_default();
    provider.register(metadata).await
}

/// FCIBA-01, FCIBA-03, FCIBA-06, FCIBA-15, FCIBA-18, FCIBA-19, FCIBA-24
#[tokio::test]
async fn a_client_that_breaks_a_profile_rule_is_not_registered() {
    let provider = Provider::empty(&[MTLS_URL]).await;
    let push = json!({
        "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": "http://localhost:9200/ciba",
    });
    let secret = json!({
        "token_endpoint_auth_method": "client_secret_post", "client_secret": SECRET,
        "token_endpoint_auth_signing_alg": null,
    });
    let api = json!([{"resource": "https://api.example", "scope": "profile", "signing_alg": "RS256"}]);
    for (changes, rule) in [
        (secret, "no secret"),
        (push, "push"),
        (json!({"backchannel_authentication_request_signing_alg": null}), "signed requests"),
        (json!({"backchannel_authentication_request_signing_alg": "RS256"}), "RS256"),
        (json!({"token_endpoint_auth_signing_alg": "RS256"}), "RS256"),
        (json!({"id_token_signed_response_alg": "RS256"}), "RS256"),
        (json!({"resources": api}), "RS256"),
        (json!({"tls_client_certificate_bound_access_tokens": false}), "bound_access_tokens"),
        (json!({"refresh_token_rotation": true}), "refresh token rotation"),
    ] {
        let refused = register(&provider, changes.clone()).await;
        assert!(refused.as_ref().is_err_and(|why| why.contains(rule)), "{changes}: {refused:?}");
        // What is wrong is the profile's rule, and no other.
        let breaks_others = ["client_secret", "backchannel_token_delivery_mode"];
        if breaks_others.iter().all(|member| changes.get(member).is_none()) {
            let mut plain = changes.clone();
            plain["profile"] = json!("plain");
            assert_eq!(register(&provider, plain).await, Ok(()), "{changes}");
        }
    }
}

/// CIBA-4-10, CIBA-4-12: under no profile either.
#[tokio::test]
async fn a_signer_registers_an_asymmetric_algorithm_and_its_keys() {
    let provider = Provider::start().await;
    let plain = |algorithm: &str, keys: Value| {
        let changes = json!({
            "profile": "plain", "token_endpoint_auth_method": "client_secret_basic", "client_secret": SECRET,
            "token_endpoint_auth_signing_alg": null, "tls_client_certificate_bound_access_tokens": null,
            "backchannel_authentication_request_signing_alg": algorithm, "jwks": keys,
        });
        register(&provider, changes)
    };
    let keys = [Key::ps256("one"), Key::es256("one"), Key::ed_dsa("one")].map(|key| key.jwk);
    let keys = json!({ "keys": keys });
    for algorithm in ["PS256", "ES256", "EdDSA", "Ed25519"] {
        assert_eq!(plain(algorithm, keys.clone()).await, Ok(()), "{algorithm}");
    }
    for algorithm in ["HS256", "HS512", "none", "NONE", "ps256", ""] {
        let refused = plain(algorithm, keys.clone()).await;
        let why = "backchannel_authentication_request_signing_alg is not supported";
        assert!(refused.as_ref().is_err_and(|it| it.contains(why)), "{algorithm}: {refused:?}");
    }
    let refused = plain("PS256", Value::Null).await;
    assert!(refused.as_ref().is_err_and(|why| why.contains("needs jwks or jwks_uri")), "{refused:?}");
}

/// FCIBA-04, FCIBA-05, FCIBA-15, FCIBA-18, FCIBA-19
#[tokio::test]
async fn a_client_that_keeps_the_rules_in_any_way_is_registered() {
    let provider = Provider::empty(&[MTLS_URL, mtls_authorities()]).await;
    let ping = json!({
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "http://localhost:9200/ciba",
    });
    for changes in [
        json!({}),
        ping,
        json!({"tls_client_certificate_bound_access_tokens": false, "dpop_bound_access_tokens": true}),
        json!({"backchannel_authentication_request_signing_alg": "EdDSA"}),
        json!({"assertion_audience": "endpoints"}),
        json!({
            "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "bank.example",
            "token_endpoint_auth_signing_alg": null,
        }),
    ] {
        assert_eq!(register(&provider, changes.clone()).await, Ok(()), "{changes}");
    }
}

/// FCIBA-03, FCIBA-15, FCIBA-18, TOK-11-07
#[tokio::test]
async fn a_profile_deployment_registers_and_announces_no_less() {
    let provider = Provider::empty(&[("PROFILE", "fapi-ciba"), MTLS_URL]).await;
    assert_eq!(register(&provider, json!({"profile": null})).await, Ok(()));
    let kiosk = provider.register(json!({"client_id": "kiosk"})).await;
    assert!(kiosk.as_ref().is_err_and(|why| why.contains("no secret")), "{kiosk:?}");
    let plain = register(&provider, json!({"profile": "plain"})).await;
    assert!(plain.as_ref().is_err_and(|why| why.contains("weaker than the deployment's")), "{plain:?}");

    let call = request("GET", "/.well-known/openid-configuration", &[], "");
    let metadata = provider.call(&provider.discovery, &call, START).await.body;
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
    for endpoint in ["token", "introspection", "revocation"] {
        let methods = metadata[format!("{endpoint}_endpoint_auth_methods_supported")].to_string();
        assert!(methods.contains("private_key_jwt") && !methods.contains("client_secret"), "{methods}");
    }
    assert!(!metadata.to_string().contains("RS256"), "{metadata}");
}

/// FCIBA-18, TOK-11-07
#[tokio::test]
async fn a_client_older_than_the_profile_cannot_authenticate() {
    let provider = Provider::empty(&[("PROFILE", "fapi-ciba")]).await;
    let metadata = json!({
        "client_id": "kiosk", "client_name": "City Kiosk", "client_secret": SECRET, "scope": "openid",
        "grant_types": ["urn:openid:params:grant-type:ciba"], "backchannel_token_delivery_mode": "poll",
    });
    let issuer = Issuer::read(&provider.environment()).unwrap();
    let earlier = RegisterClient {
        issuer: &issuer,
        login_issuers: &LoginIssuers::default(),
        profile: Profile::Plain,
        mtls: None,
    };
    earlier.register(&provider.table, serde_json::from_value(metadata).unwrap()).await.expect("kiosk");
    assert_eq!(provider.ask(&[], START).await.refusal(), (401, "invalid_client"));
    assert_eq!(provider.poll("x", START).await.refusal(), (401, "invalid_client"));
}
