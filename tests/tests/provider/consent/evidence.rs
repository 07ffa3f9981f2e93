//! What is kept of a decision, for whoever has to account for it.

use aws_sdk_dynamodb::types::AttributeValue;
use ciba_tests::{Provider, at, basic, form, form_request, json_request};
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60;

/// The one evidence item, without what is random.
async fn evidence(provider: &Provider) -> Value {
    let mut items = provider.items_under("evidence#").await;
    assert_eq!(items.len(), 1, "{items:?}");
    let mut item = items.remove(0);
    item.as_object_mut().unwrap().remove("write_id").expect("write_id");
    item
}

/// `alice`'s key: what her request names.
async fn person(provider: &Provider) -> Value {
    provider.items_under("request#").await[0]["person"].clone()
}

async fn decide(provider: &Provider, request: &str, token: &str, body: Value) -> u16 {
    let path = format!("/consent/{request}/decision");
    let request = json_request("POST", &path, Some(token), &body.to_string());
    provider.call(&provider.consent, &request, at(7.0)).await.status
}

/// HYG-5-03
#[tokio::test]
async fn an_approval_leaves_who_decided_what_on_which_proof() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[("scope", "openid profile email")], at(0.0)).await;
    let auth_time = at(4.0).seconds();
    let token = provider.login_token("alice", at(7.0), json!({"auth_time": auth_time, "jti": "login-7"}));
    let body = json!({"client_id": "kiosk", "decision": "approve", "scope": "openid email"});
    assert_eq!(decide(&provider, &request, &token, body).await, 200);
    let expected = json!({
        "pk": format!("evidence#{request}"),
        "sk": "decision",
        "client_id": "kiosk",
        "person": person(&provider).await,
        "decision": "approved",
        "scope": "openid email",
        "proof": "login_token",
        "proof_issuer": provider.login.issuer(),
        "proof_jti": "login-7",
        "auth_time": at(4.0).millis().to_string(),
        "at": at(7.0).millis().to_string(),
        "ttl": (at(7.0).seconds() + 400 * DAY).to_string(),
    });
    assert_eq!(evidence(&provider).await, expected);
}

/// HYG-5-03
#[tokio::test]
async fn a_denial_leaves_evidence_of_what_was_denied() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let token = provider.login_token("alice", at(7.0), json!({"jti": null}));
    assert_eq!(
        decide(&provider, &request, &token, json!({"client_id": "kiosk", "decision": "deny"})).await,
        200
    );
    let evidence = evidence(&provider).await;
    assert_eq!((&evidence["decision"], &evidence["scope"]), (&json!("denied"), &json!("openid profile")));
    assert_eq!(evidence["person"], person(&provider).await);
    assert_eq!(evidence.get("proof_jti"), None, "the token had none");
}

#[tokio::test]
async fn evidence_is_kept_as_long_as_the_operator_says() {
    let provider = Provider::with(&[("EVIDENCE_RETENTION_DAYS", "30")]).await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(7.0)).await;
    assert_eq!(evidence(&provider).await["ttl"], (at(7.0).seconds() + 30 * DAY).to_string());
}

#[tokio::test]
async fn evidence_stays_as_it_is_when_the_request_is_redeemed() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let before = evidence(&provider).await;
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    assert_eq!(evidence(&provider).await, before);
}

/// Whatever the table holds of `needle`, in text or bytes, at any depth.
fn holds(value: &AttributeValue, needle: &[u8]) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    value.as_s().is_ok_and(|text| contains(text.as_bytes()))
        || value.as_b().is_ok_and(|bytes| contains(bytes.as_ref()))
        || value.as_l().is_ok_and(|list| list.iter().any(|value| holds(value, needle)))
        || value.as_m().is_ok_and(|map| map.values().any(|value| holds(value, needle)))
}

/// HYG-2-03, HYG-5-01
#[tokio::test]
async fn no_token_no_handle_and_no_secret_is_ever_in_the_table() {
    let provider = Provider::start().await;
    let secret = "the-tellers-own-secret-of-40-characters!";
    provider.register(json!({"client_id": "teller", "client_secret": secret})).await.unwrap();
    let call = async |path: &str, parameters: &[(&str, &str)], now| {
        let request = form_request(path, Some(&basic("teller", secret)), &form(parameters));
        match path {
            "/oauth/token" => provider.call(&provider.token, &request, now).await,
            _ => provider.call(&provider.backchannel_authentication, &request, now).await,
        }
    };
    let asked = call("/bc-authorize", &[("scope", "openid"), ("login_hint", "alice")], at(0.0)).await;
    let auth_req_id = asked.text("auth_req_id");
    let request = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();
    let token = provider.login_token("alice", at(7.0), json!({}));
    assert_eq!(
        decide(&provider, &request, &token, json!({"client_id": "teller", "decision": "approve"})).await,
        200
    );
    let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
    let tokens = call("/oauth/token", &parameters, at(8.0)).await;

    let mut needles = vec![secret, auth_req_id];
    for token in [&token, tokens.text("access_token"), tokens.text("id_token")] {
        needles.extend(token.split('.').skip(1));
    }
    let scan = provider.dynamodb.client().scan().table_name(&provider.dynamodb.table).send().await.unwrap();
    let values: Vec<_> = scan.items().iter().flat_map(|item| item.values()).collect();
    assert!(values.iter().any(|value| holds(value, b"City Kiosk")), "the search finds what is there");
    for needle in needles {
        assert!(!values.iter().any(|value| holds(value, needle.as_bytes())), "{needle}");
    }
}
