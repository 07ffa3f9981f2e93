//! Who may send messages to people, and where they may go.

use std::collections::BTreeSet;

use ciba::domain::person::channel::PushPlatform;
use serde_json::json;

use crate::permissions::{Statement, functions_that_may, statements};
use crate::{DOCUMENT, resources};

#[test]
fn only_who_asks_a_person_or_adds_a_passkey_can_send_messages() {
    assert_eq!(
        functions_that_may("sns:Publish"),
        BTreeSet::from(["backchannel-authentication", "enrollment"])
    );
}

/// HOOK-2-03: whoever may send through SNS may invoke the notifier, and nobody else.
#[test]
fn the_notifier_is_invoked_by_those_who_send_messages() {
    let invokes = |it: &Statement| it.document["Resource"] == json!({ "Ref": "UserNotifierFunction" });
    let functions: BTreeSet<_> = statements().into_iter().filter(invokes).map(|it| it.function).collect();
    assert_eq!(functions, functions_that_may("sns:Publish"));
}

/// ATK-7-01, ATK-7-06: numbers; devices of this account on the platforms the code knows; the stack's own topic. And SMS
/// through SNS only, where the attributes of a message limit its price.
#[test]
fn messages_go_only_to_numbers_own_devices_and_own_topic() {
    let arn = |rest: &str| json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:sns:{rest}") });
    let endpoints = PushPlatform::ALL
        .map(|it| arn(&format!("${{AWS::Region}}:${{AWS::AccountId}}:endpoint/{}/*", it.as_str())));
    let expected = [
        ("sns:Publish", json!(null), arn("*:*:*"), json!(null)),
        (
            "sms-voice:SendTextMessage",
            json!("*"),
            json!(null),
            json!({ "StringEquals": { "aws:CalledViaLast": "sns.amazonaws.com" } }),
        ),
        ("sns:Publish", json!(endpoints), json!(null), json!(null)),
        ("sns:Publish", json!({ "Ref": "NotificationTopic" }), json!(null), json!(null)),
    ];
    let sends = |action: &str| action.starts_with("sns:") || action.starts_with("sms-voice:");
    for function in functions_that_may("sns:Publish") {
        let statements = statements().into_iter().filter(|it| it.function == function);
        let statements = statements.filter(|it| it.actions.iter().any(|action| sends(action)));
        let found = statements.map(|Statement { actions, document, .. }| {
            let [action] = actions[..] else { panic!("{actions:?}") };
            let member = |name: &str| document[name].clone();
            (action, member("Resource"), member("NotResource"), member("Condition"))
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{function}");
    }
}

/// They contain links to requests. The key is SNS's own for this account, so that nobody needs a permission for it;
/// CloudWatch may not use that one.
#[test]
fn messages_to_people_are_encrypted_at_rest() {
    let key = |topic: &str| &DOCUMENT["Resources"][topic]["Properties"]["KmsMasterKeyId"];
    assert_eq!((key("NotificationTopic"), key("AlarmTopic")), (&json!("alias/aws/sns"), &json!(null)));
}

/// Nobody reads along unless the operator asks for it, and alarms go another way than messages to people.
#[test]
fn a_topic_has_no_subscription_but_the_requested_address() {
    let subscriptions = resources("AWS::SNS::Subscription").map(|(_, subscription)| {
        let property = |name: &str| subscription["Properties"][name]["Ref"].as_str().expect("a reference");
        (property("TopicArn"), subscription["Condition"].as_str().expect("a condition"), property("Endpoint"))
    });
    let expected =
        [("AlarmTopic", "HasAlarmEmail", "AlarmEmail"), ("NotificationTopic", "HasTrialEmail", "TrialEmail")];
    assert_eq!(subscriptions.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    for (_, _, address) in expected {
        assert_eq!(DOCUMENT["Parameters"][address]["Default"], "");
    }
}
