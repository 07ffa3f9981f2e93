//! Resource indicators (RFC 8707; requirements D.6): what tokens are for, and what they say there.

use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

use super::tokens::verified;
use super::{CIBA, send};

const READ: &str = "https://read.example";
const PAY: &str = "https://pay.example/v1";

/// A provider whose client `kiosk` may have tokens for two APIs.
async fn provider() -> Provider {
    let provider = Provider::start().await;
    provider.register(kiosk(json!({}))).await.expect("kiosk");
    provider
}

fn kiosk(changes: Value) -> Value {
    let mut metadata = json!({
        "client_id": "kiosk",
        "scope": "openid profile read pay",
        "resources": [{"resource": READ, "scope": "read"}, {"resource": PAY, "scope": "pay profile"}],
    });
    for (name, value) in changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    metadata
}

/// What `kiosk` is answered when it asks so.
async fn ask(provider: &Provider, parameters: &str) -> Answer {
    let body = format!("login_hint=alice&{parameters}");
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    provider.call(&provider.backchannel_authentication, &request, at(0.0)).await
}

/// `kiosk` asks so, `alice` approves all of it, and `kiosk` sends a token request with `at_the_end`.
async fn collect(provider: &Provider, parameters: &str, at_the_end: &str) -> Answer {
    let asked = ask(provider, parameters).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    provider.approve(message.rsplit('/').next().expect("a link"), at(1.0)).await;
    poll(provider, asked.text("auth_req_id"), at_the_end).await
}

async fn poll(provider: &Provider, auth_req_id: &str, more: &str) -> Answer {
    let body = form(&[("grant_type", CIBA), ("auth_req_id", auth_req_id)]);
    let body = format!("{body}&{more}");
    send(provider, &form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &body), at(5.0)).await
}

/// Audience and scope of the access token, and the scope that the response tells.
async fn told(provider: &Provider, answer: &Answer) -> (Value, Value, Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, claims) = verified(provider, answer.text("access_token")).await;
    (claims["aud"].clone(), claims["scope"].clone(), answer.body["scope"].clone())
}

/// TOK-6-03, TOK-6-05, TOK-2-07, TOK-2-03, TOK-2-11
#[tokio::test]
async fn a_token_is_for_the_named_resource_with_its_scope_values() {
    let provider = provider().await;
    let answer = collect(&provider, &form(&[("scope", "openid profile read"), ("resource", READ)]), "").await;
    let expected = (json!(READ), json!("openid read"), json!("openid read"));
    assert_eq!(told(&provider, &answer).await, expected, "the scope differs from what was asked for");
    let (_, id_token) = verified(&provider, answer.text("id_token")).await;
    assert_eq!(id_token["aud"], "kiosk");

    let answer = collect(&provider, &form(&[("scope", "openid pay"), ("resource", PAY)]), "").await;
    assert_eq!(told(&provider, &answer).await, (json!(PAY), json!("openid pay"), Value::Null));
}

/// TOK-6-02
#[tokio::test]
async fn resource_may_be_repeated_and_the_token_then_is_for_each() {
    let provider = provider().await;
    let parameters =
        format!("scope=openid+read+pay&{}&{}", form(&[("resource", READ)]), form(&[("resource", PAY)]));
    let answer = collect(&provider, &parameters, "").await;
    assert_eq!(told(&provider, &answer).await, (json!([READ, PAY]), json!("openid read pay"), Value::Null));
}

/// An empty one counts as absent.
#[tokio::test]
async fn audience_is_an_alias_of_resource() {
    let provider = provider().await;
    let answer = collect(&provider, &form(&[("scope", "openid read"), ("audience", READ)]), "").await;
    assert_eq!(told(&provider, &answer).await.0, READ);
    let answer = collect(&provider, "scope=openid&audience=", "").await;
    assert_eq!(told(&provider, &answer).await.0, Provider::ISSUER);
}

/// TOK-6-01, TOK-6-04, CIBA-13-05: nobody is asked.
#[tokio::test]
async fn an_unknown_or_relative_resource_is_invalid_target() {
    let provider = provider().await;
    let before = provider.traces().await;
    let own_with_a_slash = format!("{}/", Provider::ISSUER);
    for resource in [
        "https://other.example",
        "https://read.example/",
        "read",
        "https://read.example#x",
        &own_with_a_slash,
    ] {
        for name in ["resource", "audience"] {
            let answer = ask(&provider, &form(&[("scope", "openid"), (name, resource)])).await;
            assert_eq!(answer.refusal(), (400, "invalid_target"), "{name}={resource}");
        }
    }
    let mixed = format!("scope=openid&{}&resource=https://other.example", form(&[("resource", READ)]));
    assert_eq!(ask(&provider, &mixed).await.refusal(), (400, "invalid_target"));
    assert_eq!(provider.traces().await, before);
}

/// TOK-2-07
#[tokio::test]
async fn a_scope_value_of_an_unnamed_resource_is_invalid_scope() {
    let provider = provider().await;
    for parameters in
        [form(&[("scope", "openid read")]), form(&[("scope", "openid pay"), ("resource", READ)])]
    {
        assert_eq!(ask(&provider, &parameters).await.refusal(), (400, "invalid_scope"), "{parameters}");
    }
}

/// TOK-6-03
#[tokio::test]
async fn the_token_request_names_a_part_of_what_was_granted() {
    let provider = provider().await;
    let both =
        format!("scope=openid+read+pay&{}&{}", form(&[("resource", READ)]), form(&[("resource", PAY)]));
    let answer = collect(&provider, &both, &form(&[("resource", PAY)])).await;
    assert_eq!(told(&provider, &answer).await, (json!(PAY), json!("openid pay"), json!("openid pay")));
}

/// TOK-6-03, TOK-6-04: the approval stands.
#[tokio::test]
async fn a_token_request_beyond_the_grant_is_invalid_target() {
    let provider = provider().await;
    let asked = ask(&provider, &form(&[("scope", "openid read"), ("resource", READ)])).await;
    let message = provider.sns.messages().pop().expect("a message").text;
    provider.approve(message.rsplit('/').next().expect("a link"), at(1.0)).await;
    let id = asked.text("auth_req_id");
    for resource in [PAY, "https://other.example", "x"] {
        let answer = poll(&provider, id, &form(&[("resource", resource)])).await;
        assert_eq!(answer.refusal(), (400, "invalid_target"), "{resource}");
    }
    // Not registered any more: what was approved is not issued for something else instead.
    provider.register(kiosk(json!({"resources": []}))).await.expect("kiosk");
    assert_eq!(poll(&provider, id, "").await.refusal(), (400, "invalid_target"));
    provider.register(kiosk(json!({}))).await.expect("kiosk");
    assert_eq!(told(&provider, &poll(&provider, id, "").await).await.0, READ);
}

#[tokio::test]
async fn the_person_sees_what_the_tokens_will_be_for() {
    let provider = provider().await;
    ask(&provider, &form(&[("scope", "openid read"), ("resource", READ)])).await;
    let message = provider.sns.messages().pop().expect("a message").text;
    let request = message.rsplit('/').next().expect("a link");
    let view = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(1.0)).await;
    assert_eq!(view.body["resources"], json!([READ]));
    let list = provider.consent("alice", "GET", "/consent", "", at(1.0)).await;
    assert_eq!(list.body["requests"][0]["resources"], json!([READ]));
}

/// TOK-6-03
#[tokio::test]
async fn each_refresh_may_name_another_part_of_the_resources() {
    let provider = provider().await;
    let changes =
        json!({"grant_types": [CIBA, "refresh_token"], "scope": "openid read pay profile offline_access"});
    provider.register(kiosk(changes)).await.expect("kiosk");
    let both = format!(
        "scope=openid+read+pay+offline_access&{}&{}",
        form(&[("resource", READ)]),
        form(&[("resource", PAY)])
    );
    let mut answer = collect(&provider, &both, "").await;
    for resource in [READ, PAY] {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", answer.text("refresh_token"))];
        let body = form(&[grant.as_slice(), &[("resource", resource)]].concat());
        answer =
            send(&provider, &form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &body), at(9.0))
                .await;
        assert_eq!(told(&provider, &answer).await.0, resource);
    }
}

#[tokio::test]
async fn a_resource_is_registered_once_within_the_clients_scope() {
    let provider = provider().await;
    for resources in [
        json!([{"resource": READ, "scope": "write"}]),
        json!([{"resource": READ, "scope": ""}]),
        json!([{"resource": "read", "scope": "read"}]),
        json!([{"resource": READ, "scope": "read"}, {"resource": READ, "scope": "pay"}]),
        json!([{"resource": READ, "scope": "read", "signing_alg": "HS256"}]),
    ] {
        assert!(provider.register(kiosk(json!({"resources": resources}))).await.is_err(), "{resources}");
    }
}
