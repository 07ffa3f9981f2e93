//! What becomes of a person's passkeys is told on all of their channels (ATK-7-05).

use ciba::aws::Aws;
use ciba::config::SmsSettings;
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::person::passkey::PasskeyId;
use ciba::domain::person::ticket::TicketKind;
use ciba::flows::registering::remove_passkey::{Removal, remove};
use ciba::flows::telling::tell_person::TellPerson;
use ciba_local::sns::{Failure, Target};
use ciba_tests::{Authenticator, Provider, at};
use serde_json::json;

const ADDED: &str = "Example Bank: a passkey was added to your account. Not you? Call us.";
const REMOVED: &str = "Example Bank: a passkey was removed from your account. Not you? Call us.";
const NUMBER: &str = "+15555550123";
const DEVICE: &str = "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/1";
const OTHER_DEVICE: &str = "arn:aws:sns:us-east-1:123456789012:endpoint/GCM/App/2";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ciba";

/// `carol` with a channel of each kind.
async fn provider() -> Provider {
    let provider = Provider::start().await;
    let channels = json!([{"sms": NUMBER}, {"push": DEVICE}, {"push": OTHER_DEVICE}, {"topic": TOPIC}]);
    provider.enroll("carol", json!({ "channels": channels })).await.expect("carol");
    provider
}

fn addresses(provider: &Provider) -> Vec<String> {
    provider.sns.messages().iter().map(|message| message.address().unwrap_or_default().to_owned()).collect()
}

async fn removed(provider: &Provider, person: &PersonKey, id: &PasskeyId, seconds: f64) -> Removal {
    let env = provider.environment();
    let tell = TellPerson::connect(&Aws::read(&env).unwrap(), SmsSettings::read(&env).unwrap(), None);
    let invocation = provider.invocation(at(seconds));
    remove(&provider.table, &tell, "Example Bank", person, id, &invocation).await.expect("the table answers")
}

/// ATK-7-05: it names nobody.
#[tokio::test]
async fn an_enrollment_is_told_on_all_channels_without_a_link() {
    let provider = provider().await;
    provider.enroll_passkey("carol", at(0.0)).await;
    assert_eq!(addresses(&provider), [NUMBER, DEVICE, OTHER_DEVICE, TOPIC]);
    for message in provider.sns.messages() {
        match message.target.as_ref().expect("a target") {
            Target::PhoneNumber(_) => assert_eq!(message.text, ADDED),
            Target::TopicArn(_) => {
                assert_eq!(message.text, ADDED);
                assert_eq!(message.parameters["Subject"], "Example Bank: your passkeys");
                assert_eq!(message.attributes.keys().collect::<Vec<_>>(), ["person"]);
            }
            Target::TargetArn(_) => {
                let payload = message.push_payload().expect("a payload");
                assert!(payload.to_string().contains(ADDED.split_once(": ").unwrap().1), "{payload}");
                assert!(!payload.to_string().contains("ciba.request"), "nothing to decide: {payload}");
            }
        }
        let all = format!("{:?}", message.parameters);
        assert!(!all.contains("carol") && !all.contains("http") && !all.contains("/enroll"), "{all}");
    }
}

#[tokio::test]
async fn a_failing_channel_stops_no_passkey_and_no_other_channel() {
    let provider = provider().await;
    provider.sns.fail_for(NUMBER, Failure::OptedOut);
    provider.sns.fail_for(OTHER_DEVICE, Failure::EndpointDisabled);
    provider.enroll_passkey("carol", at(0.0)).await;
    assert_eq!(addresses(&provider), [DEVICE, TOPIC]);
    assert_eq!(provider.table.list_passkeys(&provider.person("carol")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_person_without_channels_gets_a_passkey_all_the_same() {
    let provider = provider().await;
    provider.enroll("dave", json!({ "channels": [] })).await.expect("dave");
    provider.enroll_passkey("dave", at(0.0)).await;
    assert_eq!(provider.sns.attempts().len(), 0);
}

#[tokio::test]
async fn a_removal_is_told_on_all_channels_also_to_somebody_disabled() {
    let provider = provider().await;
    let authenticator = provider.enroll_passkey("carol", at(0.0)).await;
    let person = provider.person("carol");
    provider.table.set_person_active(&person, false).await.unwrap();
    provider.sns.clear();
    let id = PasskeyId::of(&authenticator.credential_id);
    assert_eq!(removed(&provider, &person, &id, 1.0).await, Removal::Done(vec![]));
    assert_eq!(addresses(&provider), [NUMBER, DEVICE, OTHER_DEVICE, TOPIC]);
    assert_eq!(provider.sns.messages()[0].text, REMOVED);
    assert_eq!(provider.table.list_passkeys(&person).await.unwrap(), []);

    provider.sns.clear();
    assert_eq!(removed(&provider, &person, &id, 2.0).await, Removal::Unknown);
    assert_eq!(removed(&provider, &PersonKey::new("i", "nobody"), &id, 2.0).await, Removal::Unknown);
    assert_eq!(provider.sns.attempts().len(), 0);
}

/// After the last one a ticket alone is enough again.
#[tokio::test]
async fn a_removed_passkey_is_no_longer_accepted() {
    let provider = provider().await;
    let person = provider.person("carol");
    let mut first = provider.enroll_passkey("carol", at(0.0)).await;
    let mut second = Authenticator::new();
    let path = provider.ticket("carol", TicketKind::Further, at(1.0)).await;
    assert_eq!(provider.follow_ticket(&path, &mut second, None, at(1.0)).await.status, 200);
    removed(&provider, &person, &PasskeyId::of(&first.credential_id), 2.0).await;

    let path = provider.ticket("carol", TicketKind::First, at(3.0)).await;
    let refused = provider.follow_ticket(&path, &mut Authenticator::new(), Some(&mut first), at(3.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_not_accepted"));

    removed(&provider, &person, &PasskeyId::of(&second.credential_id), 4.0).await;
    let mut third = Authenticator::new();
    assert_eq!(provider.follow_ticket(&path, &mut third, None, at(5.0)).await.status, 200);
    assert_eq!(third.user_handle, first.user_handle, "the handle is the person's for ever");
}
