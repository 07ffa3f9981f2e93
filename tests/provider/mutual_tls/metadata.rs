//! What the metadata document says of mutual TLS.

use ciba_tests::mutual_tls::{MTLS_URL, mtls_authorities};
use ciba_tests::{Provider, START, request};
use serde_json::{Value, json};

async fn document(provider: &Provider) -> Value {
    let request = request("GET", "/.well-known/openid-configuration", &[], "");
    provider.call(&provider.discovery, &request, START).await.body
}

/// CAUTH-4-07, FCIBA-26, HYG-1-14
#[tokio::test]
async fn the_document_names_the_endpoints_on_the_host_for_mutual_tls() {
    let provider = Provider::empty(&[MTLS_URL, mtls_authorities()]).await;
    let document = document(&provider).await;
    let aliases = json!({
        "token_endpoint": "https://localhost:9443/oauth/token",
        "backchannel_authentication_endpoint": "https://localhost:9443/bc-authorize",
        "userinfo_endpoint": "https://localhost:9443/userinfo",
        "introspection_endpoint": "https://localhost:9443/oauth/introspect",
        "revocation_endpoint": "https://localhost:9443/oauth/revoke",
    });
    assert_eq!(document["mtls_endpoint_aliases"], aliases);
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(document["token_endpoint"], "http://localhost:9000/oauth/token", "the others stay");
    for endpoint in ["token", "introspection", "revocation"] {
        let methods = document[format!("{endpoint}_endpoint_auth_methods_supported")].as_array().unwrap();
        for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
            assert!(methods.contains(&json!(method)), "{endpoint} {method}");
        }
    }
}

/// CAUTH-4-06, TOK-11-06
#[tokio::test]
async fn without_authorities_only_self_signed_tls_is_offered() {
    let provider = Provider::empty(&[MTLS_URL]).await;
    let methods = &document(&provider).await["token_endpoint_auth_methods_supported"];
    let methods: Vec<_> = methods.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(methods.contains(&"self_signed_tls_client_auth") && !methods.contains(&"tls_client_auth"));
}

/// TOK-11-06
#[tokio::test]
async fn without_the_mutual_tls_host_no_certificates_are_offered() {
    let provider = Provider::empty(&[]).await;
    let text = document(&provider).await.to_string();
    assert!(!text.contains("tls") && text.contains("client_secret_basic"), "{text}");
}
