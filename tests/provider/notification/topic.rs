//! Messages to a topic.

use ciba::domain::base::person_key::PersonKey;
use ciba_tests::{Provider, START};
use serde_json::json;

use super::{TOPIC, asked_for_dora, attributes, parameters, with_dora};

/// ATK-7-03: subscriptions filter by person, and drop what is over; who asks and what is not said.
#[tokio::test]
async fn a_topic_gets_the_link_and_attributes_to_filter_by() {
    let provider = Provider::with(&[("SMS_SHOWS_REQUEST", "true")]).await;
    with_dora(&provider, json!([{"topic": TOPIC}])).await;
    let request = asked_for_dora(&provider, &[("binding_message", "K7-2931")]).await;
    let messages = provider.sns.messages();
    assert_eq!(messages.len(), 1);
    let expected = json!({
        "Action": "Publish",
        "TopicArn": TOPIC,
        "Subject": "Example Bank: sign-in request",
        "Message":
            format!("Example Bank: approve or decline your sign-in: {}/consent/{request}", Provider::ISSUER),
    });
    assert_eq!(parameters(&messages[0]), expected);
    let person = PersonKey::new(provider.login.issuer(), "dora");
    let expected = json!({
        "person": format!("String: {}", person.as_str()),
        "expires_at": format!("String: {}", START.seconds() + 120),
    });
    assert_eq!(attributes(&messages[0]), expected);
}
