use std::time::Duration;

use super::*;
use crate::server::listen;

const NUMBER: &str = "+15555550100";

async fn start() -> SnsHandle {
    Sns::start(listen(0).await.unwrap()).unwrap()
}

async fn publish(sns: &SnsHandle, parameters: &[(&str, &str)]) -> (u16, String) {
    let response = reqwest::Client::new()
        .post(sns.url())
        .header("authorization", "AWS4-HMAC-SHA256 Credential=CALLER/20260101/us-east-1/sns/aws4_request")
        .form(&[&[("Action", "Publish"), ("Version", "2010-03-31")], parameters].concat())
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn sms(sns: &SnsHandle) -> (u16, String) {
    publish(sns, &[("PhoneNumber", NUMBER), ("Message", "hello")]).await
}

#[tokio::test]
async fn an_sms_is_recorded_with_its_attributes_and_caller() {
    let sns = start().await;
    let (status, body) = publish(
        &sns,
        &[
            ("PhoneNumber", NUMBER),
            ("Message", "hello"),
            ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
        ],
    )
    .await;
    let messages = sns.messages();
    assert_eq!(status, 200);
    assert!(body.contains(&format!("<MessageId>{}</MessageId>", messages[0].id)), "{body}");
    assert_eq!(messages[0].phone_number(), Some(NUMBER));
    assert_eq!(messages[0].text, "hello");
    assert_eq!(messages[0].caller.as_deref(), Some("CALLER"));
    let attribute = Attribute { data_type: "String".into(), value: "Transactional".into() };
    assert_eq!(messages[0].attributes["AWS.SNS.SMS.SMSType"], attribute);
    assert_eq!(*sns.inbox().accepted().borrow(), 1);
}

#[tokio::test]
async fn what_sns_refuses_is_an_invalid_parameter() {
    let sns = start().await;
    let long = "x".repeat(1_601);
    let refused: [&[(&str, &str)]; 5] = [
        &[("PhoneNumber", "5555550100"), ("Message", "hello")],
        &[("PhoneNumber", NUMBER), ("Message", "")],
        &[("PhoneNumber", NUMBER)],
        &[("PhoneNumber", NUMBER), ("Message", &long)],
        &[("Message", "hello")],
    ];
    for parameters in refused {
        let (status, body) = publish(&sns, parameters).await;
        assert_eq!(status, 400);
        assert!(body.contains("<Code>InvalidParameter</Code>"), "{body}");
    }
    assert!(sns.messages().is_empty());
    assert_eq!(sns.attempts().len(), 5);
}

#[tokio::test]
async fn a_scripted_failure_is_used_up_and_one_for_a_number_is_not() {
    let sns = start().await;
    sns.fail_next(Failure::Throttled);
    assert_eq!(sms(&sns).await.0, 400);
    assert_eq!(sms(&sns).await.0, 200);
    sns.fail_for(NUMBER, Failure::OptedOut);
    for _ in 0..2 {
        assert!(sms(&sns).await.1.contains("opted out"));
    }
    sns.restore(NUMBER);
    assert_eq!(sms(&sns).await.0, 200);
    assert_eq!(sns.messages().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_message_accepted() {
    let sns = start().await;
    sns.fail_next(Failure::AnswerLost);
    assert_eq!(sms(&sns).await.0, 500);
    assert_eq!(sns.messages().len(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_has_sent_nothing() {
    let sns = start().await;
    sns.fail_next(Failure::Hang(Duration::from_secs(60)));
    tokio::time::timeout(Duration::from_millis(100), sms(&sns)).await.unwrap_err();
    assert!(sns.messages().is_empty());
    assert_eq!(sns.attempts()[0].outcome, Outcome::Unanswered);
}
