//! What is granted: in the token response, in access tokens, at introspection, after a refresh, and pushed.

use ciba_tests::{Answer, Provider, Receiver, SECRET, START, at, basic, form, form_request};
use serde_json::{Value, json};

use super::{approve, asked, details, provider, token};
use crate::token::tokens::verified;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const READ: &str = "https://read.example";
const PAY: &str = "https://pay.example";

/// `kiosk` asks so, `alice` approves, `kiosk` redeems.
async fn granted(provider: &Provider, body: &str, details: &Value) -> Answer {
    let details_parameter = form(&[("authorization_details", &details.to_string())]);
    let body = format!("login_hint=alice&{body}&{details_parameter}");
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    let answer = provider.call(&provider.backchannel_authentication, &request, START).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    let key = message.rsplit('/').next().expect("a link");
    assert_eq!(approve(provider, key, details, at(1.0)).await.status, 200);
    let tokens = provider.poll(answer.text("auth_req_id"), at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens
}

async fn claims(provider: &Provider, tokens: &Answer) -> Value {
    verified(provider, tokens.text("access_token")).await.1
}

async fn introspected(provider: &Provider, client: &str, token: &str) -> Value {
    let request = form_request("/oauth/introspect", Some(&basic(client, SECRET)), &form(&[("token", token)]));
    provider.call(&provider.introspection, &request, at(8.0)).await.body
}

/// TOK-7-04, TOK-7-05, TOK-8-03: introspection tells them, too.
#[tokio::test]
async fn approved_details_are_in_the_response_and_the_access_token() {
    let provider = provider(json!({
        "scope": "openid profile offline_access", "grant_types": [CIBA, "refresh_token"],
    }))
    .await;
    let tokens = granted(&provider, "scope=openid+offline_access", &details()).await;
    assert_eq!(tokens.body["authorization_details"], details());
    assert_eq!(claims(&provider, &tokens).await["authorization_details"], details());
    let access = introspected(&provider, "kiosk", tokens.text("access_token")).await;
    assert_eq!(access["authorization_details"], details());
    let refresh_token = introspected(&provider, "kiosk", tokens.text("refresh_token")).await;
    assert_eq!(refresh_token["authorization_details"], details());
    let (_, id_token) = verified(&provider, tokens.text("id_token")).await;
    assert_eq!(id_token.get("authorization_details"), None, "it is about the person");

    // And as often as it is refreshed, also when the request itself could have been swept.
    let mut last = tokens.text("refresh_token").to_owned();
    for time in [10.0, 100_000.0, 900_000.0] {
        provider.sweep(at(time)).await;
        let answer =
            token(&provider, &[("grant_type", "refresh_token"), ("refresh_token", &last)], at(time)).await;
        assert_eq!(answer.body["authorization_details"], details(), "{answer:?}");
        assert_eq!(claims(&provider, &answer).await["authorization_details"], details());
        last = answer.text("refresh_token").to_owned();
    }
}

/// TOK-7-04: a client that asked for none sees no difference.
#[tokio::test]
async fn without_details_nothing_says_anything_of_them() {
    let provider = provider(json!({})).await;
    let (auth_req_id, request) = provider.asked(&[], START).await;
    provider.approve(&request, at(1.0)).await;
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.body.get("authorization_details"), None);
    assert_eq!(claims(&provider, &tokens).await.get("authorization_details"), None);
    let told = introspected(&provider, "kiosk", tokens.text("access_token")).await;
    assert_eq!(told.get("authorization_details"), None);
}

/// TOK-7-05: by their locations.
#[tokio::test]
async fn each_api_is_told_what_is_for_it() {
    let provider = provider(json!({
        "scope": "openid read pay",
        "resources": [{"resource": READ, "scope": "read"}, {"resource": PAY, "scope": "pay"}],
    }))
    .await;
    let api = json!({"client_id": "api", "grant_types": [], "introspection_audiences": [READ]});
    provider.register(api).await.expect("api");
    let of = |amount: &str, locations: Option<&str>| {
        let mut one = details()[0].clone();
        one["amount"] = json!(amount);
        if let Some(location) = locations {
            one["locations"] = json!([location]);
        }
        one
    };
    let (all, read, pay) =
        (of("1.00", None), of("2.00", Some(READ)), of("3.00", Some("https://pay.example/v1")));
    let asked = json!([all, read, pay]);
    let named =
        format!("scope=openid+read+pay&{}&{}", form(&[("resource", READ)]), form(&[("resource", PAY)]));
    let tokens = granted(&provider, &named, &asked).await;
    assert_eq!(claims(&provider, &tokens).await["authorization_details"], asked);
    assert_eq!(tokens.body["authorization_details"], asked);
    let heard = introspected(&provider, "api", tokens.text("access_token")).await;
    assert_eq!((&heard["active"], &heard["authorization_details"]), (&json!(true), &json!([all, read])));
    let own = introspected(&provider, "kiosk", tokens.text("access_token")).await;
    assert_eq!(own["authorization_details"], asked);

    // A token for one of them has its own.
    let details_parameter = form(&[("authorization_details", &asked.to_string())]);
    let body = format!("login_hint=alice&{named}&{details_parameter}");
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    let answer = provider.call(&provider.backchannel_authentication, &request, at(10.0)).await;
    let message = provider.sns.messages().pop().expect("a message").text;
    let key = message.rsplit('/').next().expect("a link");
    assert_eq!(approve(&provider, key, &asked, at(11.0)).await.status, 200);
    let one = [("grant_type", CIBA), ("auth_req_id", answer.text("auth_req_id")), ("resource", PAY)];
    let tokens = token(&provider, &one, at(15.0)).await;
    assert_eq!(claims(&provider, &tokens).await["authorization_details"], json!([all, pay]));
    assert_eq!(tokens.body["authorization_details"], json!([all, pay]));
}

/// ATK-8-05: nothing that a token request says makes it more, or other than what was approved. The approval stands.
#[tokio::test]
async fn a_token_request_with_details_is_refused() {
    let provider = provider(json!({})).await;
    let (auth_req_id, request) = asked(&provider, &details(), START).await;
    assert_eq!(approve(&provider, &request, &details(), at(1.0)).await.status, 200);
    let text = details().to_string();
    let parameters =
        [("grant_type", CIBA), ("auth_req_id", &*auth_req_id), ("authorization_details", &*text)];
    assert_eq!(token(&provider, &parameters, at(5.0)).await.refusal(), (400, "invalid_request"));
    assert_eq!(provider.poll(&auth_req_id, at(6.0)).await.body["authorization_details"], details());
}

/// TOK-7-04
#[tokio::test]
async fn a_push_has_the_details_too() {
    let receiver = Receiver::start().await;
    let provider = provider(json!({
        "backchannel_token_delivery_mode": "push", "backchannel_client_notification_endpoint": receiver.url(),
    }))
    .await;
    let text = details().to_string();
    let parameters = [
        ("authorization_details", &*text),
        ("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255"),
    ];
    let (_, request) = provider.asked(&parameters, START).await;
    assert_eq!(approve(&provider, &request, &details(), at(1.0)).await.status, 200);
    provider.deliver(at(2.0)).await;
    assert_eq!(receiver.calls()[0].body["authorization_details"], details());
}
