//! Push messages to a person's device.

use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{asked_for_dora, attributes, parameters, with_dora};

fn endpoint(platform: &str) -> String {
    format!("arn:aws:sns:us-east-1:123456789012:endpoint/{platform}/App/0f7d5971-aa8b-4bd5-b585-0826e9f93a66")
}

/// `dora` on this platform is asked for five minutes: the provider, and the request's name.
async fn asked(platform: &str) -> (Provider, String) {
    let provider = Provider::with(&[("SMS_SHOWS_REQUEST", "true")]).await;
    with_dora(&provider, json!([{"push": endpoint(platform)}])).await;
    let asked = [("binding_message", "K7-2931"), ("requested_expiry", "300")];
    let request = asked_for_dora(&provider, &asked).await;
    (provider, request)
}

/// `Message` with its member for the platform unpacked.
fn unpacked(mut parameters: Value, platform: &str) -> Value {
    let mut message: Value = serde_json::from_str(parameters["Message"].as_str().unwrap()).unwrap();
    let payload = message[platform].as_str().expect("JSON as a string");
    message[platform] = serde_json::from_str(payload).expect("JSON within JSON");
    parameters["Message"] = message;
    parameters
}

/// ATK-7-03: operator, fixed words and the request's name; no client, no message, no person.
#[tokio::test]
async fn an_apple_alert_has_the_operators_name_and_the_request() {
    for platform in ["APNS", "APNS_SANDBOX"] {
        let (provider, request) = asked(platform).await;
        let messages = provider.sns.messages();
        let expected = json!({
            "Action": "Publish",
            "TargetArn": endpoint(platform),
            "MessageStructure": "json",
            "Message": {
                "default": "Example Bank: Approve or decline your sign-in",
                platform: {
                    "aps": {
                        "alert": {"title": "Example Bank", "body": "Approve or decline your sign-in"},
                        "category": "ciba.request",
                        "sound": "default",
                    },
                    "request": request,
                },
            },
        });
        assert_eq!(messages.len(), 1);
        assert_eq!(unpacked(parameters(&messages[0]), platform), expected);
        let expected = json!({
            format!("AWS.SNS.MOBILE.{platform}.TTL"): "String: 300",
            "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "String: alert",
            "AWS.SNS.MOBILE.APNS.PRIORITY": "String: 10",
            "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": format!("String: {request}"),
        });
        assert_eq!(attributes(&messages[0]), expected);
    }
}

/// ATK-7-03: it is in the format of FCM v1.
#[tokio::test]
async fn an_android_message_has_the_operators_name_and_the_request() {
    let (provider, request) = asked("GCM").await;
    let messages = provider.sns.messages();
    let expected = json!({
        "Action": "Publish",
        "TargetArn": endpoint("GCM"),
        "MessageStructure": "json",
        "Message": {
            "default": "Example Bank: Approve or decline your sign-in",
            "GCM": {"fcmV1Message": {"message": {
                "notification": {"title": "Example Bank", "body": "Approve or decline your sign-in"},
                "data": {"request": request},
                "android": {
                    "priority": "HIGH",
                    "ttl": "300s",
                    "collapse_key": request,
                    "notification": {"click_action": "ciba.request", "tag": request},
                },
            }}},
        },
    });
    assert_eq!(messages.len(), 1);
    assert_eq!(unpacked(parameters(&messages[0]), "GCM"), expected);
    assert_eq!(attributes(&messages[0]), json!({"AWS.SNS.MOBILE.FCM.TTL": "String: 300"}));
}

/// CIBA §8: the name in the message is the one the app decides under.
#[tokio::test]
async fn an_app_decides_about_the_request_its_message_names() {
    let (provider, _) = asked("GCM").await;
    let payload = provider.sns.messages()[0].push_payload().expect("a payload");
    let request = payload["fcmV1Message"]["message"]["data"]["request"].as_str().expect("a request");
    let decided = provider.decide("dora", request, json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}
