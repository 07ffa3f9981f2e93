//! Authenticating at an issuer with a key of this provider's own (`private_key_jwt`; RFC 7523, OIDC Core §9).

use std::collections::BTreeSet;

use ciba::aws::Aws;
use ciba::config::KeySettings;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::time::Timestamp;
use ciba::flows::registering::rotate_keys::replace_leaked;
use ciba::keys::{Kms, LoginKeys, PrivateKey, SigningKey};
use ciba::store::KeyUse;
use ciba_tests::{Answer, Provider, SECRET, Settings, at, basic, form, form_request, request};
use jsonwebtoken::decode_header;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{Stand, location};
use crate::foreign_issuer::decode;

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");
const DOWN: (u16, &str) = (503, "does not work right now");
const DAY: f64 = 86_400.0;
/// A successor is made so long before it signs.
const NOTICE: f64 = 600.0;

/// The provider has no secret at the issuer, which knows its keys.
async fn stand(browser: Value, settings: Settings<'_>) -> Stand {
    let mut by_key = json!({"client_secret": null});
    by_key.as_object_mut().expect("an object").extend(browser.as_object().expect("an object").clone());
    let stand = Stand::with(by_key, settings).await;
    stand.issuer.fetch_client_keys(&login_jwks(&stand.provider, at(0.0)).await.body);
    stand
}

async fn login_jwks(provider: &Provider, now: Timestamp) -> Answer {
    provider.call(&provider.logging_in, &request("GET", "/login/jwks.json", &[], ""), now).await
}

async fn token_jwks(provider: &Provider, now: Timestamp) -> Answer {
    provider.call(&provider.jwks, &request("GET", "/.well-known/jwks.json", &[], ""), now).await
}

/// The values of these members of a key set.
fn of_each(keys: &Value, member: &str) -> BTreeSet<String> {
    let keys = keys["keys"].as_array().expect("keys").iter();
    keys.filter_map(|key| key[member].as_str().map(str::to_owned)).collect()
}

/// The claims of the last assertion that the issuer was sent, and the key that it names.
fn asserted(stand: &Stand) -> (Value, String) {
    let call = stand.issuer.calls().pop().expect("a call");
    let assertion = &call["client_assertion"];
    let claims = decode(assertion.split('.').nth(1).expect("claims"));
    let kid = decode_header(assertion).expect("a header").kid.expect("a kid");
    (serde_json::from_slice(&claims).expect("JSON"), kid)
}

async fn logged_in(stand: &Stand, now: f64) {
    let (_, key) = stand.provider.asked(&[ALICE], at(now)).await;
    stand.logged_in("alice", &key, at(now + 1.0)).await;
}

async fn replace_leaked_login_key(provider: &Provider, now: f64) {
    let env = provider.environment();
    let kms = Kms::connect(&Aws::read(&env).expect("AWS"));
    let settings = KeySettings::read(&env).expect("settings");
    let uses = [KeyUse::Login];
    let done = replace_leaked(&provider.table, &kms, &settings, &uses, &provider.invocation(at(now))).await;
    assert_eq!(done.expect("an emergency").made, [(KeyUse::Login, 2)]);
}

/// RP-1-10: each is signed by the published key, names this issuer, and is another. The issuer checks it.
#[tokio::test]
async fn the_code_is_redeemed_with_a_fresh_assertion() {
    let stand = stand(json!({}), &[]).await;
    let mut used = BTreeSet::new();
    for now in [0.0, 10.0] {
        logged_in(&stand, now).await;
        let (claims, _) = asserted(&stand);
        assert_eq!(claims["aud"], stand.issuer.issuer());
        assert_eq!(claims["exp"], at(now + 61.0).seconds());
        assert!(used.insert(claims["jti"].to_string()), "{claims}");
        let call = stand.issuer.calls().pop().expect("a call");
        let header = decode_header(&call["client_assertion"]).expect("a header");
        assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), jsonwebtoken::Algorithm::ES256));
        assert!(!call.contains_key("client_secret"), "{call:?}");
    }
}

/// RP-1-10
#[tokio::test]
async fn an_issuer_may_want_its_token_endpoint_as_audience() {
    let stand = stand(json!({"assertion_audience": "token_endpoint"}), &[]).await;
    logged_in(&stand, 0.0).await;
    assert_eq!(asserted(&stand).0["aud"], format!("{}/token", stand.issuer.issuer()));
}

/// RP-1-10: like the key set of tokens, and with one key.
#[tokio::test]
async fn the_login_key_set_is_public_and_cached() {
    let provider = Provider::start().await;
    let (login, token) = (login_jwks(&provider, at(0.0)).await, token_jwks(&provider, at(0.0)).await);
    for name in ["content-type", "cache-control", "access-control-allow-origin"] {
        assert!(
            login.header(name).is_some() && login.header(name) == token.header(name),
            "{name}: {login:?}"
        );
    }
    let [key] = &login.body["keys"].as_array().expect("keys")[..] else { panic!("{login:?}") };
    let members: Vec<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!((&key["alg"], &key["crv"], &key["use"]), (&json!("ES256"), &json!("P-256"), &json!("sig")));
    for (method, status) in [("HEAD", 200), ("OPTIONS", 204), ("POST", 405)] {
        let call = request(method, "/login/jwks.json", &[], "");
        let answer = provider.call(&provider.logging_in, &call, at(0.0)).await;
        assert_eq!(answer.status, status, "{method}");
    }
}

/// RP-1-11, TOK-12-03: a successor is published before it signs.
#[tokio::test]
async fn a_rotated_login_key_is_published_before_it_signs() {
    let stand = stand(json!({}), &[("SIGNING_KEY_ROTATION_DAYS", "1")]).await;
    let provider = &stand.provider;
    logged_in(&stand, 0.0).await;
    let (_, first) = asserted(&stand);
    provider.key_rotation.run(&provider.invocation(at(DAY - NOTICE))).await.expect("a rotation");
    let both = login_jwks(provider, at(DAY - NOTICE)).await.body;
    let kids = of_each(&both, "kid");
    assert!(kids.len() == 2 && kids.contains(&first), "{both}");
    stand.issuer.fetch_client_keys(&both);
    logged_in(&stand, DAY - 2.0).await;
    assert_eq!(asserted(&stand).1, first, "the first key signs until its period ends");
    logged_in(&stand, DAY + 10.0).await;
    assert_ne!(asserted(&stand).1, first);
    assert!(kids.contains(&asserted(&stand).1));
}

/// RP-1-11: after a leak.
#[tokio::test]
async fn a_withdrawn_login_key_is_published_no_more() {
    let stand = stand(json!({}), &[]).await;
    logged_in(&stand, 0.0).await;
    let (_, leaked) = asserted(&stand);
    replace_leaked_login_key(&stand.provider, 10.0).await;
    let after = login_jwks(&stand.provider, at(10.0)).await.body;
    let kids = of_each(&after, "kid");
    assert!(kids.len() == 1 && !kids.contains(&leaked), "{after}");
    stand.issuer.fetch_client_keys(&after);
    // Once the warm function reads the keys again.
    logged_in(&stand, 310.0).await;
    assert!(kids.contains(&asserted(&stand).1));
}

/// RP-1-11: also after both were rotated.
#[tokio::test]
async fn tokens_and_assertions_have_no_key_in_common() {
    let provider = Provider::with(&[("SIGNING_KEY_ROTATION_DAYS", "1")]).await;
    provider.key_rotation.run(&provider.invocation(at(DAY - NOTICE))).await.expect("a rotation");
    let now = at(DAY - NOTICE);
    let (login, token) = (login_jwks(&provider, now).await.body, token_jwks(&provider, now).await.body);
    for member in ["kid", "x"] {
        let (login, token) = (of_each(&login, member), of_each(&token, member));
        assert_eq!(login.len(), 2, "{member}");
        assert!(login.is_disjoint(&token), "{member}: {login:?} {token:?}");
    }
}

/// RP-1-11: an attacker with the login key still could not forge a token.
#[tokio::test]
async fn a_token_signed_with_the_login_key_is_none() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    let records = provider.table.list_keys().await.expect("keys");
    let record = records.into_iter().find(|it| it.key_use == KeyUse::Login).expect("a login key");
    let kms = Kms::connect(&Aws::read(&provider.environment()).expect("AWS"));
    let private = PrivateKey::of(kms.decrypt_login_key(&record.sealed).await.expect("PKCS#8"));
    let kid = record.public.expect("its public half").kid;
    let forger = SigningKey::new(JwsAlgorithm::ES256, 1, record.times, kid, private);
    let mut forged = Vec::new();
    for (name, typ) in [("access_token", "at+jwt"), ("id_token", "JWT")] {
        let claims = decode(tokens.text(name).split('.').nth(1).expect("claims"));
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        forged.push(forger.sign(typ, &claims).await.expect("a token"));
    }
    let bearers =
        |token: &str| request("GET", "/userinfo", &[("authorization", &format!("Bearer {token}"))], "");
    let [access, id] = &forged[..] else { panic!("two") };
    for (token, status) in [(tokens.text("access_token"), 200), (access, 401)] {
        let answer = provider.call(&provider.userinfo, &bearers(token), at(6.0)).await;
        assert_eq!(answer.status, status, "userinfo");
        let body = form(&[("token", token)]);
        let call = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &body);
        let answer = provider.call(&provider.introspection, &call, at(6.0)).await;
        assert_eq!(answer.body["active"], status == 200, "introspection");
    }
    for (hint, status) in [(tokens.text("id_token"), 200), (id, 400)] {
        let body = form(&[("scope", "openid"), ("id_token_hint", hint)]);
        let call = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
        let answer = provider.call(&provider.backchannel_authentication, &call, at(11.0)).await;
        assert_eq!(answer.status, status, "id_token_hint");
    }
}

/// RP-1-11: nor does a login key open as anything else.
#[tokio::test]
async fn a_login_key_opens_for_its_own_purpose_alone() {
    let provider = Provider::start().await;
    let records = provider.table.list_keys().await.expect("keys");
    let kms = Kms::connect(&Aws::read(&provider.environment()).expect("AWS"));
    for record in records.iter().filter(|record| record.key_use.algorithm().is_none()) {
        let sealed = &record.sealed;
        let opened = [
            (KeyUse::Data, kms.decrypt(sealed).await.is_ok()),
            (KeyUse::Page, kms.decrypt_page_key(sealed).await.is_ok()),
            (KeyUse::Login, kms.decrypt_login_key(sealed).await.is_ok()),
        ];
        for (purpose, is_opened) in opened {
            assert_eq!(is_opened, purpose == record.key_use, "{:?} as {purpose:?}", record.key_use);
        }
    }
    let signed = LoginKeys::new(provider.table.clone(), kms).sign(&json!({}), at(0.0)).await;
    assert!(!format!("{:?}", signed.expect("an assertion")).contains("ey"), "it is a secret");
}

/// RP-1-09: as after an update, until key-rotation has run.
#[tokio::test]
async fn without_a_login_key_a_login_is_down_and_decides_nothing() {
    let stand = stand(json!({}), &[]).await;
    let provider = &stand.provider;
    let delete = provider.dynamodb.client().delete_item().table_name(&provider.dynamodb.table);
    let delete = delete.key("pk", aws_sdk_dynamodb::types::AttributeValue::S("keys".to_owned()));
    let sort_key = aws_sdk_dynamodb::types::AttributeValue::S("key#login#00000001".to_owned());
    delete.key("sk", sort_key).send().await.expect("deleted");
    // A hand in the table announces nothing to a function that has read the keys.
    let answer = login_jwks(provider, at(300.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    let (_, key) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = Browser::new();
    let start = browser.get(provider, &format!("/login?request={key}"), at(1.0)).await;
    let callback = stand.issuer.authorize(location(&start), "alice", at(1.0));
    stand.refused(browser.get(provider, &callback, at(1.0)), DOWN).await;
    let lines = provider.eavesdropper.lines("trouble");
    assert!(
        lines.iter().any(|line| line["detail"].to_string().contains("there is no login key")),
        "{lines:?}"
    );
    assert!(stand.issuer.calls().is_empty(), "the code stays where it is");
    provider.key_rotation.run(&provider.invocation(at(2.0))).await.expect("keys");
    stand.issuer.fetch_client_keys(&login_jwks(provider, at(2.0)).await.body);
    logged_in(&stand, 10.0).await;
}

/// RP-1-02: before the person has logged in there in vain.
#[tokio::test]
async fn an_issuer_that_takes_no_assertions_starts_no_login() {
    for changes in [
        json!({"token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]}),
        json!({"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}),
    ] {
        let stand = stand(json!({}), &[]).await;
        stand.issuer.change_metadata(changes);
        let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
        let mut browser = Browser::new();
        stand.refused(browser.get(&stand.provider, &format!("/login?request={key}"), at(1.0)), DOWN).await;
        let lines = stand.provider.eavesdropper.lines("trouble");
        assert!(
            lines.iter().any(|it| it["detail"].to_string().contains("client_secret is needed")),
            "{lines:?}"
        );
        assert!(browser.names().is_empty());
    }
    // With a secret it does not matter.
    let stand = Stand::new().await;
    stand.issuer.change_metadata(json!({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}));
    logged_in(&stand, 0.0).await;
}
