//! A client is registered where it can be served.

use ciba_tests::Provider;
use ciba_tests::mutual_tls::{MTLS_URL, key_set, mtls_authorities, self_signed};
use serde_json::{Value, json};

use super::register_where;

/// CAUTH-4-05, CAUTH-4-06, CAUTH-4-13, TOK-5-04: what no deployment could authenticate is found out by whoever writes it down.
#[tokio::test]
async fn a_client_that_cannot_show_its_certificate_is_refused() {
    let provider = Provider::empty(&[]).await;
    let subject = json!({"tls_client_auth_subject_dn": "CN=Till 7,O=City Bank"});
    let own = json!({"token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": key_set(&[&self_signed("Till 9", |_| {})])});
    let bound = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": own["jwks"],
        "tls_client_certificate_bound_access_tokens": true});
    let register = async |settings: &[(&str, &str)], metadata: &Value| {
        register_where(&provider, settings, "till", metadata.clone()).await
    };
    for (settings, metadata, lacks) in [
        (&[][..], &subject, "set MTLS_URL and MTLS_AUTHORITIES"),
        (&[mtls_authorities()], &subject, "set MTLS_URL and MTLS_AUTHORITIES"),
        (&[MTLS_URL], &subject, "set MTLS_AUTHORITIES"),
        (&[mtls_authorities()], &own, "set MTLS_URL"),
        (&[mtls_authorities()], &bound, "set MTLS_URL"),
    ] {
        let refusal = register(settings, metadata).await.expect_err("no host or no authority");
        assert!(refusal.contains(lacks), "{settings:?} {metadata}: {refusal}");
    }
    assert!(provider.items_under("client#").await.is_empty(), "nothing is written");

    let both = [MTLS_URL, mtls_authorities()];
    for (settings, metadata) in [(&both[..], &subject), (&[MTLS_URL], &own), (&[MTLS_URL], &bound)] {
        assert_eq!(register(settings, metadata).await, Ok(()), "{settings:?} {metadata}");
    }
    assert_eq!(
        register(&[], &json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": own["jwks"]})).await,
        Ok(())
    );
}
