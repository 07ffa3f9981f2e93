use std::time::Duration;

use super::*;
use crate::server::listen;

const NUMBER: &str = "+15555550100";
const ENDPOINT: &str = "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/1";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ciba";

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

/// The code of the refusal; a refused message is recorded only as an attempt.
async fn refusal(parameters: &[(&str, &str)]) -> String {
    let sns = start().await;
    let (status, body) = publish(&sns, parameters).await;
    assert_eq!((status, sns.messages().len(), sns.attempts().len()), (400, 0, 1), "{parameters:?}: {body}");
    let code = body.split("<Code>").nth(1).unwrap().split("</Code>").next().unwrap().to_owned();
    assert_eq!(sns.attempts()[0].outcome, Outcome::Refused(code.clone()));
    code
}

/// A target is a number, an endpoint or a topic.
#[tokio::test]
async fn a_message_without_text_or_a_valid_target_is_refused() {
    let long = "x".repeat(1_601);
    let refused: [&[(&str, &str)]; 9] = [
        &[("PhoneNumber", "5555550100"), ("Message", "hello")],
        &[("PhoneNumber", NUMBER), ("Message", "")],
        &[("PhoneNumber", NUMBER)],
        &[("PhoneNumber", NUMBER), ("Message", &long)],
        &[("TopicArn", "ciba"), ("Message", "hello")],
        &[("TopicArn", ENDPOINT), ("Message", "hello")],
        &[("TargetArn", TOPIC), ("Message", "hello")],
        &[("TargetArn", "arn:aws:sns:us-east-1:123456789012:endpoint/PIGEON/App/1"), ("Message", "hello")],
        &[("TopicArn", TOPIC), ("Message", "hello"), ("Subject", "two\nlines")],
    ];
    for parameters in refused {
        assert_eq!(refusal(parameters).await, "InvalidParameter", "{parameters:?}");
    }
}

#[tokio::test]
async fn a_message_goes_to_one_of_number_endpoint_and_topic() {
    let targets = [("PhoneNumber", NUMBER), ("TargetArn", ENDPOINT), ("TopicArn", TOPIC)];
    for target in targets {
        assert_eq!(publish(&start().await, &[target, ("Message", "hello")]).await.0, 200, "{target:?}");
    }
    for given in [&targets[..0], &targets[..2], &targets[1..], &targets] {
        let parameters = [given, &[("Message", "hello")]].concat();
        assert_eq!(refusal(&parameters).await, "InvalidParameter", "{given:?}");
    }
}

#[tokio::test]
async fn a_json_message_has_a_default_and_text_per_push_service() {
    let message = |text| [("TargetArn", ENDPOINT), ("MessageStructure", "json"), ("Message", text)];
    let good = r#"{"default":"d","APNS":"{\"aps\":{}}","other":{}}"#;
    let sns = start().await;
    assert_eq!(publish(&sns, &message(good)).await.0, 200);
    assert_eq!(sns.messages()[0].push_payload(), Some(serde_json::json!({"aps": {}})));
    for text in [
        "hello",
        r#"["default"]"#,
        r#"{"APNS":"{}"}"#,
        r#"{"default":{}}"#,
        r#"{"default":"d","APNS":{"aps":{}}}"#,
        r#"{"default":"d","GCM":1}"#,
        r#"{"default":"d","APNS":"{\"aps\":"}"#,
    ] {
        assert_eq!(refusal(&message(text)).await, "InvalidParameter", "{text}");
    }
    let other = [("TargetArn", ENDPOINT), ("MessageStructure", "xml"), ("Message", good)];
    assert_eq!(refusal(&other).await, "InvalidParameter");
}

#[tokio::test]
async fn a_message_with_its_attributes_is_at_most_256_kib() {
    let attribute = attribute("a", "String", "value");
    let rest = 262_144 - "aStringvalue".len();
    for (length, expected) in [(rest, 200), (rest + 1, 400)] {
        let text = "x".repeat(length);
        let parameters = [&[("TopicArn", TOPIC), ("Message", &text)], &attribute[..]].concat();
        assert_eq!(publish(&start().await, &parameters).await.0, expected, "{length}");
    }
}

fn attribute<'a>(name: &'a str, data_type: &'a str, value: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("MessageAttributes.entry.1.Name", name),
        ("MessageAttributes.entry.1.Value.DataType", data_type),
        ("MessageAttributes.entry.1.Value.StringValue", value),
    ]
}

#[tokio::test]
async fn an_attribute_has_a_known_type_and_a_value_of_it() {
    let with = |attribute: [(&'static str, &'static str); 3]| {
        [&[("PhoneNumber", NUMBER), ("Message", "hello")], &attribute[..]].concat()
    };
    for good in [
        attribute("a.b-c_1", "String", "x"),
        attribute("a", "String.Array", "[]"),
        attribute("a", "Number", "1.5"),
        attribute("AWS.SNS.SMS.SenderID", "String", "Bank"),
        attribute("AWS.SNS.SMS.MaxPrice", "Number", "0.05"),
    ] {
        assert_eq!(publish(&start().await, &with(good)).await.0, 200, "{good:?}");
    }
    for bad in [
        attribute("a", "Text", "x"),
        attribute("a", "string", "x"),
        attribute("a", "", "x"),
        attribute("a", "String", ""),
        attribute("a", "Number", "much"),
        attribute("a", "Number", "1800000000"),
        attribute("a b", "String", "x"),
        attribute(".a", "String", "x"),
        attribute("AWS.Other", "String", "x"),
        attribute("AWS.SNS.SMS.SenderID", "String", "twelve-chars"),
        attribute("AWS.SNS.SMS.SenderID", "String", "12345"),
        attribute("AWS.SNS.SMS.SMSType", "String", "Urgent"),
    ] {
        assert_eq!(refusal(&with(bad)).await, "ParameterValueInvalid", "{bad:?}");
    }
}

#[tokio::test]
async fn each_failure_has_the_code_and_status_of_sns() {
    for (failure, status, code) in [
        (Failure::OptedOut, 400, "InvalidParameter"),
        (Failure::EndpointDisabled, 400, "EndpointDisabled"),
        (Failure::EndpointDeleted, 400, "InvalidParameter"),
        (Failure::NotFound, 404, "NotFound"),
        (Failure::Throttled, 400, "Throttling"),
        (Failure::InternalError, 500, "InternalError"),
    ] {
        let sns = start().await;
        sns.fail_for(ENDPOINT, failure.clone());
        let got = publish(&sns, &[("TargetArn", ENDPOINT), ("Message", "hello")]).await;
        assert!(got.0 == status && got.1.contains(&format!("<Code>{code}</Code>")), "{failure:?}: {got:?}");
        assert_eq!(sms(&sns).await.0, 200, "{failure:?}: others are reached");
    }
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
    let called = async {
        while sns.attempts().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = sms(&sns) => panic!("{answer:?}"),
        () = called => {}
    }
    assert!(sns.messages().is_empty());
    assert_eq!(sns.attempts()[0].outcome, Outcome::Unanswered);
}
