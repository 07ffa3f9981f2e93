//! `id_token_hint`: an ID token that this client got here, expired as a rule.

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request, request};
use serde_json::{Value, json};

use super::{posted, refused, send};
use crate::foreign_issuer::{Key, decode, encode};

const INVALID: (u16, &str) = (400, "invalid_request");
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// What `alice` approved for `client` is redeemed: ID token and access token, issued at `now` + 10 s.
async fn tokens(provider: &Provider, client: &str, now: f64) -> Answer {
    let answer = provider.ask_as(client, &[], at(now)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let request = provider.sns.messages().pop().expect("a message").text;
    let request = request.rsplit('/').next().expect("a link");
    let decision = json!({"client_id": client, "decision": "approve"});
    assert_eq!(provider.decide("alice", request, decision, at(now + 5.0)).await.status, 200);
    let tokens = provider.poll_as(client, answer.text("auth_req_id"), at(now + 10.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens
}

async fn id_token(provider: &Provider) -> String {
    tokens(provider, "kiosk", 0.0).await.text("id_token").to_owned()
}

/// `client` asks with this hint and no other.
async fn ask(provider: &Provider, client: &str, hint: &str, now: Timestamp) -> Answer {
    let body = form(&[("scope", "openid"), ("id_token_hint", hint)]);
    let request = form_request("/bc-authorize", Some(&basic(client, SECRET)), &body);
    send(provider, &request, now).await
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&decode(part)).expect("JSON")
}

/// CIBA-7.1-15, CIBA-14-03
#[tokio::test]
async fn an_id_token_of_this_client_names_its_person_expired_or_not() {
    let provider = Provider::start().await;
    let token = id_token(&provider).await;
    for now in [20.0, 3600.0, 30.0 * DAY, 90.0 * DAY + 10.0] {
        provider.sns.clear();
        let answer = ask(&provider, "kiosk", &token, at(now)).await;
        assert_eq!(answer.status, 200, "{now}: {answer:?}");
        assert_eq!(provider.sns.messages()[0].phone_number(), Some("+15555550100"));
    }
}

/// CIBA-14-03
#[tokio::test]
async fn an_id_token_is_a_hint_for_a_configured_time_from_issue() {
    let provider = Provider::with(&[("ID_TOKEN_HINT_MAX_AGE_DAYS", "2")]).await;
    let token = id_token(&provider).await;
    assert_eq!(ask(&provider, "kiosk", &token, at(2.0 * DAY + 10.0)).await.status, 200);
    let late = ask(&provider, "kiosk", &token, at(2.0 * DAY + 11.0)).await;
    assert_eq!(late.refusal(), INVALID);
    assert!(late.text("error_description").contains("too long ago"), "{late:?}");
}

/// CIBA-7.1-15, TOK-12-04
#[tokio::test]
async fn a_token_whose_key_is_not_published_any_more_is_still_a_hint() {
    let provider = Provider::with(&[("SIGNING_KEY_ROTATION_DAYS", "1")]).await;
    let token = id_token(&provider).await;
    for day in 1..=6 {
        provider.key_rotation.run(&provider.invocation(at(f64::from(day) * DAY))).await.expect("keys");
    }
    let later = at(6.0 * DAY + 1.0);
    let jwks = provider.call(&provider.jwks, &request("GET", "/.well-known/jwks.json", &[], ""), later).await;
    let published = jwks.body["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone());
    assert!(!published.collect::<Vec<_>>().contains(&part(&token, 0)["kid"]), "the key has retired");
    assert_eq!(ask(&provider, "kiosk", &token, later).await.status, 200);
}

/// CIBA-7.1-15, CIBA-7.1-16, HYG-3-01, HYG-3-08, HYG-3-09
#[tokio::test]
async fn what_is_no_id_token_of_ours_for_this_client_is_refused() {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    let own = tokens(&provider, "kiosk", 0.0).await;
    let tellers = tokens(&provider, "teller", 20.0).await;
    let token = own.text("id_token");
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        unreachable!("a JWS")
    };
    let mut claims = part(token, 1);
    claims["sub"] = "bob".into();
    let forged = |key: &Key, typ: &str| {
        let kid = &part(token, 0)["kid"];
        key.sign(&json!({"alg": key.alg, "kid": kid, "typ": typ}).to_string(), &part(token, 1).to_string())
    };
    let mut typed = part(token, 0);
    typed["typ"] = "at+jwt".into();
    for (what, hint) in [
        ("an access token", own.text("access_token").to_owned()),
        ("another client's", tellers.text("id_token").to_owned()),
        ("another client's access token", tellers.text("access_token").to_owned()),
        ("another person's name", format!("{header}.{}.{signature}", encode(claims.to_string().as_bytes()))),
        ("another type", format!("{}.{payload}.{signature}", encode(typed.to_string().as_bytes()))),
        ("another key under our name", forged(&Key::es256("one"), "JWT")),
        ("another algorithm under our name", forged(&Key::rs256("one"), "JWT")),
        ("none", forged(&Key::none("one", "none"), "JWT")),
        ("HS256", forged(&Key::hs256("one", payload.as_bytes()), "JWT")),
        (
            "a key that nobody knows",
            Key::es256("one").sign(
                &json!({"alg": "ES256", "kid": "one", "typ": "JWT"}).to_string(),
                &part(token, 1).to_string(),
            ),
        ),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("no token", "alice".to_owned()),
    ] {
        let request = posted(&[("scope", "openid"), ("id_token_hint", &hint)]);
        let answer = refused(&provider, &request, INVALID).await;
        let told = "id_token_hint is not an ID token that this provider issued to this client";
        assert_eq!(answer.text("error_description"), told, "{what}");
    }
    assert_eq!(ask(&provider, "kiosk", token, at(40.0)).await.status, 200, "the token itself");
}

/// HYG-3-08, HYG-3-09: even where nothing but its type tells it from an ID token.
#[tokio::test]
async fn an_access_token_for_the_client_itself_is_no_id_token() {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "teller", "audience": "teller"})).await.expect("teller");
    let tokens = tokens(&provider, "teller", 0.0).await;
    assert_eq!(part(tokens.text("access_token"), 1)["aud"], "teller");
    let answer = ask(&provider, "teller", tokens.text("access_token"), at(20.0)).await;
    assert_eq!(answer.refusal(), INVALID);
    assert_eq!(ask(&provider, "teller", tokens.text("id_token"), at(20.0)).await.status, 200);
}

/// CIBA-7.1-16
#[tokio::test]
async fn an_encrypted_id_token_is_refused_with_what_to_send_instead() {
    let provider = Provider::start().await;
    let token = id_token(&provider).await;
    let encrypted = format!("{token}.x.y");
    let request = posted(&[("scope", "openid"), ("id_token_hint", &encrypted)]);
    let answer = refused(&provider, &request, INVALID).await;
    assert!(answer.text("error_description").contains("send the signed token inside"), "{answer:?}");
}

/// CIBA-7.2-06, ATK-3-02
#[tokio::test]
async fn whoever_cannot_be_asked_any_more_is_unknown() {
    let provider = Provider::start().await;
    let token = id_token(&provider).await;
    let sub = ("hint#sub#alice", "hint");
    provider.set_attribute(sub.0, sub.1, "user", "nobody-of-this-key").await;
    let request = posted(&[("scope", "openid"), ("id_token_hint", &token)]);
    let gone = refused(&provider, &request, (400, "unknown_user_id")).await;
    provider.enroll("alice", json!({"active": false})).await.expect_err("the hint leads elsewhere");

    let provider = Provider::start().await;
    let token = id_token(&provider).await;
    provider.enroll("alice", json!({"active": false})).await.expect("alice");
    let request = posted(&[("scope", "openid"), ("id_token_hint", &token)]);
    let inactive = refused(&provider, &request, (400, "unknown_user_id")).await;
    assert_eq!((gone.body, gone.headers), (inactive.body, inactive.headers));
}

/// A `kid` that nobody knows is looked for in the table, and not as often as somebody likes.
#[tokio::test]
async fn unknown_keys_make_the_keys_be_read_once_a_minute_at_most() {
    let provider = Provider::start().await;
    let token = id_token(&provider).await;
    assert_eq!(ask(&provider, "kiosk", &token, at(20.0)).await.status, 200);
    provider.proxy.clear();
    for n in 0..20 {
        let key = Key::es256(&format!("unknown-{n}"));
        let hint = key.sign(&key.header().to_string(), &part(&token, 1).to_string());
        assert_eq!(ask(&provider, "kiosk", &hint, at(70.0 + f64::from(n))).await.refusal(), INVALID);
    }
    let queries = provider.proxy.calls().iter().filter(|call| call.operation == "Query").count();
    assert_eq!(queries, 1);
}
