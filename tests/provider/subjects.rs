//! By which names clients know people (OIDC Core §8, CIBA §4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::time::Timestamp;
use ciba_tests::mutual_tls::{MTLS_URL, mtls_authorities};
use ciba_tests::{Answer, Provider, Receiver, SECRET, at, basic, form, form_request, request};
use serde_json::{Value, json};

use crate::foreign_issuer::{Document, ForeignIssuer, Key, change};

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// A provider with the push client `kiosk`, which knows people by names of its sector, and its endpoint.
async fn pairwise() -> (Provider, Receiver) {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    let receiver = Receiver::start().await;
    receiver.tell(&provider.eavesdropper);
    let metadata = json!({
        "client_id": "kiosk", "subject_type": "pairwise", "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": receiver.url(), "introspection_audiences": [Provider::ISSUER],
    });
    provider.register(metadata).await.expect("kiosk");
    (provider, receiver)
}

/// What alice approves at `now` is pushed: the body.
async fn pushed(provider: &Provider, receiver: &Receiver, now: f64) -> Value {
    let (_, request) = provider.asked(&[("client_notification_token", TOKEN)], at(now)).await;
    provider.approve(&request, at(now + 1.0)).await;
    provider.deliver(at(now + 1.0)).await;
    receiver.calls().pop().expect("a call").body
}

fn claims(jwt: &Value) -> Value {
    let payload = jwt.as_str().and_then(|jwt| jwt.split('.').nth(1)).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// TOK-1-02, TOK-10-02, CIBA-4-19: it is the same everywhere, and not the public one.
#[tokio::test]
async fn a_pairwise_client_gets_one_private_name_of_a_person() {
    let (provider, receiver) = pairwise().await;
    let first = pushed(&provider, &receiver, 0.0).await;
    let sub = claims(&first["id_token"])["sub"].clone();
    assert!(sub.as_str().is_some_and(|sub| sub.len() == 51), "{sub}");
    assert_eq!(claims(&first["access_token"])["sub"], sub);

    let access = first["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {access}");
    let userinfo = request("GET", "/userinfo", &[("authorization", &bearer)], "");
    let userinfo = provider.call(&provider.userinfo, &userinfo, at(2.0)).await;
    assert_eq!((userinfo.status, &userinfo.body["sub"]), (200, &sub));
    let body = form(&[("token", access)]);
    let introspect = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &body);
    let introspected = provider.call(&provider.introspection, &introspect, at(2.0)).await;
    assert_eq!((&introspected.body["active"], &introspected.body["sub"]), (&json!(true), &sub));

    let second = pushed(&provider, &receiver, 10.0).await;
    assert_eq!(claims(&second["id_token"])["sub"], sub, "for good");
}

async fn ask(provider: &Provider, client: &str, hint: (&str, &str), now: Timestamp) -> Answer {
    let body = form(&[("scope", "openid"), hint, ("client_notification_token", TOKEN)]);
    let request = form_request("/bc-authorize", Some(&basic(client, SECRET)), &body);
    provider.call(&provider.backchannel_authentication, &request, now).await
}

/// CIBA-7.1-15, CIBA-15-01
#[tokio::test]
async fn a_pairwise_name_is_a_hint_within_its_sector_only() {
    let (provider, receiver) = pairwise().await;
    let tokens = pushed(&provider, &receiver, 0.0).await;
    let id_token = tokens["id_token"].as_str().unwrap();
    let sub = claims(&tokens["id_token"])["sub"].as_str().unwrap().to_owned();
    let iss_sub = json!({"format": "iss_sub", "iss": Provider::ISSUER, "sub": sub}).to_string();
    let named = format!("sub:{sub}");
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    for (at_second, hint) in [
        (20.0, ("id_token_hint", id_token)),
        (30.0, ("login_hint", &*iss_sub)),
        (40.0, ("login_hint", &named)),
    ] {
        provider.sns.clear();
        let answer = ask(&provider, "kiosk", hint, at(at_second)).await;
        assert_eq!(answer.status, 200, "{hint:?}: {answer:?}");
        assert_eq!(provider.sns.messages()[0].phone_number(), Some("+15555550100"));
        if hint.0 == "login_hint" {
            let others = ask(&provider, "teller", hint, at(at_second)).await;
            assert_eq!(others.refusal(), (400, "unknown_user_id"));
        }
    }
}

/// Registers `till` with what a pairwise poll client needs, but for `changes`.
async fn till(provider: &Provider, keys: &ForeignIssuer, changes: Value) -> Result<(), String> {
    let mut metadata = json!({
        "client_id": "till", "subject_type": "pairwise", "client_secret": null,
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys.jwks_uri(),
    });
    change(&mut metadata, changes);
    metadata["client_secret"] = metadata.get("client_secret").cloned().unwrap_or_default();
    provider.register(metadata).await
}

/// CIBA-4-15, CIBA-4-18, CIBA-4-20: it needs a way to show that the keys are its own.
#[tokio::test]
async fn a_pairwise_poll_client_needs_a_jwks_uri_with_own_keys() {
    let provider = Provider::empty(&[MTLS_URL, mtls_authorities()]).await;
    let keys = ForeignIssuer::start().await;
    assert_eq!(till(&provider, &keys, json!({})).await, Ok(()));
    let inline = json!({"keys": [Key::es256("one").jwk]});
    let secret = json!({"token_endpoint_auth_method": "client_secret_basic", "client_secret": SECRET});
    let subject =
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example"});
    for (changes, why) in [
        (json!({"jwks_uri": null, "jwks": inline}), "need jwks_uri"),
        (secret.clone(), "its own"),
        (subject.clone(), "its own"),
        (json!({"subject_type": "both"}), "neither public nor pairwise"),
        (json!({"subject_type": "public", "sector_identifier_uri": keys.jwks_uri()}), "belongs to pairwise"),
    ] {
        let refused = till(&provider, &keys, changes.clone()).await;
        assert!(refused.as_ref().is_err_and(|it| it.contains(why)), "{changes}: {refused:?}");
    }
    for mut signs in [secret, subject] {
        signs["backchannel_authentication_request_signing_alg"] = json!("ES256");
        assert_eq!(till(&provider, &keys, signs.clone()).await, Ok(()), "{signs}");
    }
}

/// CIBA-4-17, CIBA-4-19
#[tokio::test]
async fn a_sector_has_the_client_in_its_list() {
    let provider = Provider::start().await;
    let (keys, sector) = (ForeignIssuer::start().await, ForeignIssuer::start().await);
    let receiver = Receiver::start().await;
    let list = |body: String| Document { status: 200, media_type: "application/json", body };
    let uri = json!({"sector_identifier_uri": sector.jwks_uri()});
    let push = json!({
        "sector_identifier_uri": sector.jwks_uri(), "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": receiver.url(),
    });
    let other = "http://localhost:1/jwks".to_owned();
    for (members, poll, pushes) in [
        (json!([other, keys.jwks_uri()]), true, false),
        (json!([receiver.url()]), false, true),
        (json!([other]), false, false),
        (json!({"keys": []}), false, false),
        (json!([7, keys.jwks_uri()]), false, false),
    ] {
        sector.publish(list(members.to_string()));
        assert_eq!(till(&provider, &keys, uri.clone()).await.is_ok(), poll, "{members}");
        assert_eq!(till(&provider, &keys, push.clone()).await.is_ok(), pushes, "{members}");
    }
    for uri in ["https://10.0.0.1/sector", "http://sector.example/", "sector"] {
        let refused = till(&provider, &keys, json!({"sector_identifier_uri": uri})).await;
        assert!(refused.as_ref().is_err_and(|why| why.contains("public host")), "{uri}: {refused:?}");
    }
}
