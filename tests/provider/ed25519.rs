//! `Ed25519` (RFC 9864 §2.2) is a name of what RFC 8037 calls `EdDSA`, wherever a key or a token of somebody else comes in.

use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

use crate::client_assertion::{asserted, register};
use crate::foreign_issuer::{Document, ForeignIssuer, Key, decode};
use crate::prover::{Prover, hash, with_proof};

/// `alg` of the key's JWK, `alg` of the header that it signs, and the name that is registered or configured.
const NAMES: [[&str; 3]; 8] = [
    ["Ed25519", "Ed25519", "Ed25519"],
    ["Ed25519", "Ed25519", "EdDSA"],
    ["Ed25519", "EdDSA", "Ed25519"],
    ["Ed25519", "EdDSA", "EdDSA"],
    ["EdDSA", "Ed25519", "Ed25519"],
    ["EdDSA", "Ed25519", "EdDSA"],
    ["EdDSA", "EdDSA", "Ed25519"],
    ["EdDSA", "EdDSA", "EdDSA"],
];

/// CAUTH-3-12, CIBA-7.1.1-05, HYG-3-01, HYG-3-02: what the client signs is verified with keys in its record, what the hint issuer
/// signs with keys at a URL.
#[tokio::test]
async fn assertions_requests_and_hints_count_under_both_names() {
    for names @ [in_key, in_header, registered] in NAMES {
        let issuer = ForeignIssuer::start().await;
        let key = Key::ed25519("one", in_key, in_header);
        issuer.publish(Document::of([&key]));
        let hints =
            json!([{"issuer": issuer.issuer, "jwks_uri": issuer.jwks_uri(), "algorithms": [registered]}]);
        let provider = Provider::with(&[("HINT_ISSUERS", &hints.to_string())]).await;
        let signing = json!({
            "token_endpoint_auth_signing_alg": registered,
            "backchannel_authentication_request_signing_alg": registered,
        });
        register(&provider, "teller", &[&key], signing).await;

        let s = at(0.0).seconds();
        let hint = issuer.signed_by(
            &key,
            &json!({"iss": issuer.issuer, "aud": Provider::ISSUER, "iat": s,
            "exp": s + 60, "jti": "hint", "sub_id": {"format": "opaque", "id": "alice"}}),
        );
        let request = issuer.signed_by(
            &key,
            &json!({"iss": "teller", "aud": Provider::ISSUER, "iat": s, "nbf": s,
            "exp": s + 60, "jti": "request", "scope": "openid", "login_hint_token": hint}),
        );
        let assertion = issuer.signed_by(
            &key,
            &json!({"iss": "teller", "sub": "teller", "aud": Provider::ISSUER,
            "iat": s, "exp": s + 60, "jti": "assertion"}),
        );
        let call = asserted("/bc-authorize", &assertion, &[("request", &request)]);
        let answer = provider.call(&provider.backchannel_authentication, &call, at(1.0)).await;
        assert_eq!(answer.status, 200, "{names:?}: {answer:?}");
    }
}

/// CAUTH-3-12, TOK-12-06
#[tokio::test]
async fn a_clients_keys_at_a_url_count_under_both_names() {
    for names @ [in_key, in_header, registered] in NAMES {
        let server = ForeignIssuer::start().await;
        let key = Key::ed25519("one", in_key, in_header);
        server.publish(Document::of([&key]));
        let provider = Provider::start().await;
        let changes = json!({"jwks": null, "jwks_uri": server.jwks_uri(), "token_endpoint_auth_signing_alg": registered});
        register(&provider, "teller", &[], changes).await;
        let s = at(0.0).seconds();
        let assertion = server.signed_by(
            &key,
            &json!({"iss": "teller", "sub": "teller", "aud": Provider::ISSUER,
            "iat": s, "exp": s + 60, "jti": "assertion"}),
        );
        let asking = [("scope", "openid"), ("login_hint", "alice")];
        let call = asserted("/bc-authorize", &assertion, &asking);
        let answer = provider.call(&provider.backchannel_authentication, &call, at(1.0)).await;
        assert_eq!(answer.status, 200, "{names:?}: {answer:?}");
    }
}

/// TOK-4-02, TOK-4-16: the thumbprint is of the key alone (RFC 7638, RFC 8037 appendix A.3), so it is one under both names.
#[tokio::test]
async fn a_proof_of_possession_counts_under_both_names() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    for names @ [in_key, in_header, _] in NAMES {
        let prover = Prover::of(Key::ed25519("one", in_key, in_header));
        let (id, request) = provider.asked(&[], at(0.0)).await;
        provider.approve(&request, at(1.0)).await;
        let poll = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &id)];
        let poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&poll));
        let proof = prover.proof("POST", "/oauth/token", at(5.0), json!({}));
        let tokens = provider.call(&provider.token, &with_proof(poll, &proof), at(5.0)).await;
        assert_eq!(tokens.text("token_type"), "DPoP", "{names:?}: {tokens:?}");
        let x = prover.key.jwk["x"].as_str().expect("a coordinate");
        let thumbprint = hash(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let claims = tokens.text("access_token").split('.').nth(1).expect("a JWT").to_owned();
        let claims: Value = serde_json::from_slice(&decode(&claims)).expect("JSON");
        assert_eq!(claims["cnf"]["jkt"], thumbprint, "{names:?}");
    }
}

/// TOK-11-06: what is accepted under two names is listed under both; what is signed here has one, which stands in its header.
#[tokio::test]
async fn the_metadata_list_both_names_of_what_is_accepted() {
    let provider = Provider::start().await;
    let call = ciba_tests::request("GET", "/.well-known/openid-configuration", &[], "");
    let metadata = provider.call(&provider.discovery, &call, at(0.0)).await.body;
    let names = |member: &str| metadata[member].as_array().expect("a list").clone();
    let (both, one) = ([json!("EdDSA"), json!("Ed25519")], json!("Ed25519"));
    for member in [
        "dpop_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "backchannel_authentication_request_signing_alg_values_supported",
    ] {
        assert!(both.iter().all(|name| names(member).contains(name)), "{member}");
    }
    assert!(!names("id_token_signing_alg_values_supported").contains(&one));
    for changes in [
        json!({"id_token_signed_response_alg": "Ed25519"}),
        json!({"resources": [{"resource": "https://api.example", "scope": "openid", "signing_alg": "Ed25519"}]}),
    ] {
        let mut metadata = changes.clone();
        metadata["client_id"] = json!("kiosk");
        let refused = provider.register(metadata).await;
        assert!(refused.as_ref().is_err_and(|why| why.contains("not supported")), "{changes}: {refused:?}");
    }
}

/// HYG-4-07: as at a `jwks_uri` (RFC 7517 §5).
#[tokio::test]
async fn keys_of_unknown_types_are_passed_over_if_one_is_usable() {
    let key = Key::ed25519("one", "Ed25519", "Ed25519");
    let unknown = [
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": "AAAA", "alg": "Ed448"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA"}),
        json!({"kty": "of the future", "anything": [1.5, {"at": "all"}]}),
        Key::es256("encryption")
            .jwk
            .as_object()
            .map(|it| {
                let mut jwk = Value::Object(it.clone());
                jwk["use"] = json!("enc");
                jwk["alg"] = json!("ECDH-ES");
                jwk
            })
            .expect("a key"),
    ];
    let provider = Provider::start().await;
    let register = async |keys: &[Value]| {
        let metadata = json!({"client_id": "teller", "client_secret": null, "jwks": {"keys": keys},
            "token_endpoint_auth_method": "private_key_jwt"});
        provider.register(metadata).await
    };
    let with_own = [&unknown[..], std::slice::from_ref(&key.jwk)].concat();
    register(&with_own).await.expect("one key is usable");
    let s = at(0.0).seconds();
    let claims =
        json!({"iss": "teller", "sub": "teller", "aud": Provider::ISSUER, "exp": s + 60, "jti": "1"});
    let assertion = key.sign(&key.header().to_string(), &claims.to_string());
    let call = asserted("/bc-authorize", &assertion, &[("scope", "openid"), ("login_hint", "alice")]);
    assert_eq!(provider.call(&provider.backchannel_authentication, &call, at(1.0)).await.status, 200);

    for useless in &unknown {
        let refused = register(std::slice::from_ref(useless)).await;
        assert!(refused.as_ref().is_err_and(|why| why.contains("jwks has no key")), "{useless}: {refused:?}");
    }
    // What says that it is of a known type has to be one, and no key is private, of whatever type.
    let own = key.jwk.clone();
    for (broken, why) in [
        (json!({"kty": "OKP", "crv": "Ed25519"}), "malformed"),
        (json!({"kty": "EC", "crv": "P-256", "x": "AAAA"}), "malformed"),
        (json!({"kty": "RSA", "e": "AQAB"}), "malformed"),
        (json!({"crv": "Ed25519"}), "malformed"),
        (json!({"kty": 7}), "malformed"),
        (json!("a key"), "malformed"),
        (json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "priv": "AAAA"}), "private"),
        (json!({"kty": "OKP", "crv": "X25519", "x": "AAAA", "d": "AAAA"}), "private"),
    ] {
        let refused = register(&[own.clone(), broken.clone()]).await;
        assert!(refused.as_ref().is_err_and(|it| it.contains(why)), "{broken}: {refused:?}");
    }
}

/// CAUTH-3-12, CIBA-4-10: a client that could never be verified is not registered.
#[tokio::test]
async fn a_client_registers_a_key_for_the_algorithm_it_signs_with() {
    let provider = Provider::start().await;
    let register = async |key: &Key, changes: Value| {
        let mut metadata = json!({"client_id": "teller", "client_secret": null, "jwks": {"keys": [key.jwk]},
            "token_endpoint_auth_method": "private_key_jwt"});
        for (name, value) in changes.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        provider.register(metadata).await
    };
    let mut p384 = Key::es256("one");
    p384.jwk["crv"] = json!("P-384");
    p384.jwk["alg"] = json!("ES384");
    let (ec, ed) = (Key::es256("one"), Key::ed25519("one", "Ed25519", "Ed25519"));
    for (key, changes) in [
        (&p384, json!({})),
        (&ec, json!({"token_endpoint_auth_signing_alg": "Ed25519"})),
        (&ed, json!({"token_endpoint_auth_signing_alg": "ES256"})),
        (&ed, json!({"backchannel_authentication_request_signing_alg": "ES256"})),
        (&ec, json!({"backchannel_authentication_request_signing_alg": "EdDSA"})),
    ] {
        let refused = register(key, changes.clone()).await;
        assert!(refused.as_ref().is_err_and(|why| why.contains("jwks has no key")), "{changes}: {refused:?}");
    }
    for alg in ["EdDSA", "Ed25519"] {
        let changes = json!({"token_endpoint_auth_signing_alg": alg, "backchannel_authentication_request_signing_alg": alg});
        register(&ed, changes).await.expect(alg);
    }
}
