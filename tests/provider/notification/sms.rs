//! What an SMS is like, by setting.

use ciba_tests::{Provider, at};
use serde_json::json;

use super::{DENIED, TOPIC, attributes};

/// Settings `SMS_SENDER_ID` and `SMS_MAX_PRICE`, ATK-7-01
#[tokio::test]
async fn sender_and_highest_price_are_settings() {
    let provider = Provider::with(&[("SMS_SENDER_ID", "ExampleBank"), ("SMS_MAX_PRICE", "0.05")]).await;
    provider.asked(&[], at(0.0)).await;
    let expected = json!({
        "AWS.SNS.SMS.SMSType": "String: Transactional",
        "AWS.SNS.SMS.SenderID": "String: ExampleBank",
        "AWS.SNS.SMS.MaxPrice": "Number: 0.05",
    });
    assert_eq!(attributes(&provider.sns.messages()[0]), expected);
}

/// Setting `SMS_SHOWS_REQUEST`, ATK-2-06
#[tokio::test]
async fn an_sms_says_who_asks_by_setting_as_long_as_it_stays_one_sms() {
    let provider = Provider::with(&[("SMS_SHOWS_REQUEST", "true")]).await;
    let text = async |message: Option<&str>, seconds| {
        let parameters: Vec<_> = message.iter().map(|it| ("binding_message", *it)).collect();
        let (_, request) = provider.asked(&parameters, at(seconds)).await;
        let link = format!("{}/consent/{request}", Provider::ISSUER);
        provider.sns.messages().pop().expect("a message").text.replace(&link, "<link>")
    };
    assert_eq!(text(Some("K7-2931"), 0.0).await, "Example Bank: sign in at City Kiosk? \"K7-2931\" <link>");
    assert_eq!(text(None, 700.0).await, "Example Bank: sign in at City Kiosk? <link>");

    // 156 characters.
    let long = "1".repeat(64);
    assert!(text(Some(&long), 1400.0).await.contains(&long));
    let default = "Example Bank: approve or decline your sign-in: <link>";
    assert_eq!(text(Some("Überweisung an Zoë"), 2100.0).await, default, "not of the alphabet of an SMS");
    let renamed = json!({"client_id": "kiosk", "client_name": "City Kiosk 12345"});
    provider.register(renamed).await.expect("kiosk");
    assert_eq!(text(Some(&long), 2800.0).await, default, "162 characters");
}

/// ATK-7-01: the list may have become shorter since the number was enrolled.
#[tokio::test]
async fn a_number_in_a_country_no_longer_allowed_gets_no_sms() {
    let provider = Provider::start().await;
    let german = json!({"sms": "+4915155550100"});
    let refused = provider.enroll("erin", json!({"channels": [german]})).await.unwrap_err();
    assert!(refused.contains("SMS_COUNTRIES"), "{refused}");

    provider.enroll_within("*", "erin", json!({"channels": [german]})).await.expect("erin");
    assert_eq!(provider.ask(&[("login_hint", "erin")], at(0.0)).await.refusal(), DENIED);
    assert_eq!(provider.sns.attempts(), []);

    let both = json!({"channels": [german, {"topic": TOPIC}]});
    provider.enroll_within("*", "erin", both).await.expect("erin");
    assert_eq!(
        provider.ask(&[("login_hint", "erin")], at(60.0)).await.status,
        200,
        "the next channel is tried"
    );
    let attempts = provider.sns.attempts();
    assert_eq!(attempts.iter().filter_map(|it| it.address()).collect::<Vec<_>>(), [TOPIC]);
}

/// Setting `SMS_COUNTRIES`, ATK-7-01: satellites are in none of them.
#[tokio::test]
async fn numbers_are_enrolled_only_in_the_allowed_countries() {
    let enroll = async |provider: &Provider, number: &str| {
        provider.enroll("erin", json!({"channels": [{"sms": number}]})).await.is_ok()
    };
    let provider = Provider::with(&[("SMS_COUNTRIES", "+1,+44")]).await;
    assert!(enroll(&provider, "+15555550111").await && enroll(&provider, "+447700900123").await);
    assert!(!enroll(&provider, "+4915155550100").await);
    let provider = Provider::with(&[("SMS_COUNTRIES", "*")]).await;
    assert!(enroll(&provider, "+4915155550100").await);
    assert!(!enroll(&provider, "+881612345678").await && !enroll(&provider, "+979123456789").await);
}
