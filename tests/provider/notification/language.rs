//! Messages in the language of the person's claim `locale`, about what is asked.

use ciba_local::sns::{Message, Target};
use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{ENDPOINT, TOPIC};
use crate::authorization_details::payment;

/// `dora`, with this claim, is asked on this channel for what `details` say. What is sent to her.
async fn sent(settings: &[(&str, &str)], locale: Value, channel: Value, details: Option<Value>) -> Message {
    let provider = Provider::with(settings).await;
    let dora = json!({"channels": [channel], "claims": {"locale": locale}});
    provider.enroll("dora", dora).await.expect("dora");
    provider.put_detail_type(&payment()).await;
    let client = json!({"client_id": "kiosk", "authorization_details_types": ["payment"]});
    provider.register(client).await.expect("kiosk");
    let details = details.map(|details| details.to_string());
    let details = details.iter().map(|it| ("authorization_details", &**it));
    let asked: Vec<_> = details.chain([("login_hint", "dora")]).collect();
    let (_, request) = provider.asked(&asked, at(0.0)).await;
    let mut message = provider.sns.messages().pop().expect("a message");
    message.text = message.text.replace(&format!("{}/consent/{request}", Provider::ISSUER), "<link>");
    message
}

fn sms() -> Value {
    json!({"sms": "+15555550199"})
}

#[tokio::test]
async fn an_sms_is_in_the_persons_language_without_accents() {
    let text = async |locale: Value| sent(&[], locale, sms(), None).await.text;
    assert_eq!(text(json!("pl-PL")).await, "Example Bank: zatwierdz lub odrzuc logowanie: <link>");
    assert_eq!(text(json!("es_MX")).await, "Example Bank: apruebe o rechace su inicio de sesion: <link>");
    let english = "Example Bank: approve or decline your sign-in: <link>";
    for unknown in [json!("fi"), json!(""), json!(7), Value::Null] {
        assert_eq!(text(unknown).await, english);
    }
}

/// Setting `SMS_PARTS`, ATK-2-06
#[tokio::test]
async fn letters_that_take_two_parts_are_sent_by_setting_only() {
    let text = async |parts: &str| sent(&[("SMS_PARTS", parts)], json!("ja"), sms(), None).await.text;
    assert_eq!(text("1").await, "Example Bank: approve or decline your sign-in: <link>");
    assert_eq!(text("2").await, "Example Bank: ログインを承認または拒否してください: <link>");
}

#[tokio::test]
async fn a_payment_is_called_by_the_operators_title() {
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let message =
        async |locale: &str, channel| sent(&[], json!(locale), channel, Some(details.clone())).await;
    assert_eq!(
        message("de", sms()).await.text,
        "Example Bank: Eine Zahlung. Zustimmen oder ablehnen: <link>"
    );
    let push = message("de-CH", json!({"push": ENDPOINT})).await;
    let alert = &push.push_payload().expect("a payload")["aps"]["alert"];
    assert_eq!(*alert, json!({"title": "Example Bank", "body": "Eine Zahlung. Zustimmen oder ablehnen"}));
    assert!(matches!(push.target, Some(Target::TargetArn(_))));
    let topic = message("en", json!({"topic": TOPIC})).await;
    assert_eq!(topic.text, "Example Bank: A payment. Approve or decline: <link>");
    assert_eq!(topic.parameters["Subject"], "Example Bank: A payment");
    // The type has no French words.
    let french = message("fr", json!({"topic": TOPIC})).await;
    assert_eq!(french.text, "Example Bank: acceptez ou refusez une demande: <link>");
    assert_eq!(french.parameters["Subject"], "Example Bank: une demande");
}
