//! `ticket …` and `passkey …`

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::passkey::{NewPasskey, PasskeyId};
use ciba::domain::person::ticket::TicketSecret;
use ciba::store::{PasskeyEnrollment, WriteId};
use ciba_local::lambda::{Lambda, Outcome};
use ciba_local::server::listen;
use ciba_local::sns::Failure;
use serde_json::json;

use crate::deployment::{Deployment, START};

const ALICE: [&str; 9] = [
    "person",
    "create",
    "--sub",
    "alice",
    "--login-value=alice",
    "--sms",
    "+15555550100",
    "--sms",
    "+15555550101",
];

async fn deployment() -> Deployment {
    let deployment = Deployment::start().await;
    deployment.json(&ALICE).await;
    deployment
}

/// Alice enrolls a passkey with a new ticket.
async fn enrol(deployment: &Deployment, name: &str, at: Timestamp) -> PasskeyId {
    let created = deployment.json(&["ticket", "create", "--sub", "alice", "--further"]).await;
    let secret = TicketSecret::parse(created["link"].as_str().unwrap().rsplit('/').next().unwrap()).unwrap();
    let ticket = deployment.table.find_ticket(&secret.hash()).await.unwrap().unwrap();
    let person = PersonKey::new(deployment.login.issuer(), "alice");
    let (_, passkeys) = deployment.table.find_person_with_passkeys(&person).await.unwrap().unwrap();
    let passkeys = passkeys.unwrap();
    let new = NewPasskey {
        id: PasskeyId::of(name.as_bytes()),
        credential: "{}".to_owned(),
        counter: 0,
        rp_id: "localhost".to_owned(),
        backup_eligible: true,
        attested: false,
    };
    let passkey = new.of(person, passkeys.user_handle, at);
    let write = WriteId::new([9; 16]);
    let enrollment = PasskeyEnrollment {
        ticket: &ticket,
        passkey: &passkey,
        passkeys: &passkeys,
        vouching: None,
        at: START,
    };
    let enrolled = deployment.table.enrol_passkey(enrollment, &write);
    assert_eq!(enrolled.await.unwrap(), ciba::store::PasskeyEnrolled::Done);
    passkey.id
}

#[tokio::test]
async fn a_tickets_link_is_printed_once_and_leads_to_the_issuer() {
    let deployment = deployment().await;
    let output = deployment.run(&["ticket", "create", "--sub", "alice"]).await.unwrap();
    let link = output.json["link"].as_str().unwrap();
    let (issuer, secret) = link.split_once("/enroll/").unwrap();
    let published = deployment.published.discovery.lock().unwrap()["issuer"].clone();
    assert_eq!((&json!(issuer), secret.len()), (&published, 22));
    assert!(output.text.starts_with(&format!("{link}\n")), "{}", output.text);
    assert_eq!(output.json["expires_at"], START.seconds() + 900);
    assert_eq!((&output.json["sub"], &output.json["kind"]), (&json!("alice"), &json!("first")));
    let further = deployment.json(&["ticket", "create", "--sub", "alice", "--further"]).await;
    assert_eq!(further["kind"], "further");
    assert_ne!(further["link"], output.json["link"]);
    assert_eq!(deployment.sns.attempts().len(), 0, "nothing is told before there is a passkey");
}

/// Nor is one made where passkeys are not configured.
#[tokio::test]
async fn no_ticket_is_made_for_unknown_or_disabled_people() {
    let deployment = deployment().await;
    let (code, why) = deployment.refused(&["ticket", "create", "--sub", "bob"]).await;
    assert_eq!((code, why.as_str()), (1, "there is no person bob"));
    deployment.json(&["person", "disable", "alice"]).await;
    let (code, why) = deployment.refused(&["ticket", "create", "--sub", "alice"]).await;
    assert!(code == 1 && why.contains("disabled"), "{why}");
    let failure = deployment
        .run_with(&["ticket", "create", "--sub", "alice"], &[("RP_ID", "")], START)
        .await
        .err()
        .unwrap();
    assert!(failure.exit_code() == 1 && failure.to_string().contains("RP_ID"), "{failure}");
}

#[tokio::test]
async fn passkeys_are_listed_the_oldest_first() {
    let deployment = deployment().await;
    assert_eq!(
        deployment.json(&["passkey", "list", "--sub", "alice"]).await,
        json!({ "sub": "alice", "passkeys": [] })
    );
    let newer = enrol(&deployment, "newer", Timestamp::from_seconds(2000)).await;
    let older = enrol(&deployment, "older", Timestamp::from_seconds(1000)).await;
    let entry = |id: &PasskeyId, at: i64| {
        json!({ "id": id.as_str(), "rp_id": "localhost", "created_at": at, "last_used_at": null,
            "backup_eligible": true, "self_enrolled": false })
    };
    let listed = deployment.json(&["passkey", "list", "--sub", "alice"]).await;
    assert_eq!(listed["passkeys"], json!([entry(&older, 1000), entry(&newer, 2000)]));
    assert_eq!(deployment.refused(&["passkey", "list", "--sub", "bob"]).await.0, 1);
}

/// ATK-7-05
#[tokio::test]
async fn a_passkey_is_removed_and_its_person_told_on_all_channels() {
    let deployment = deployment().await;
    let id = enrol(&deployment, "one", START).await;
    let output = deployment.run(&["passkey", "remove", "--sub", "alice"]).await.unwrap();
    assert_eq!(output.json, json!({ "sub": "alice", "id": id.as_str(), "removed": true, "untold": [] }));
    assert!(output.text.contains("notified on 2 of 2 channels"), "{}", output.text);
    let texts: Vec<_> = deployment.sns.messages().into_iter().map(|message| message.text).collect();
    let text = "Example Bank: a passkey was removed from your account. Not you? Call us.";
    assert_eq!(texts, [text, text]);
    let listed = deployment.json(&["passkey", "list", "--sub", "alice"]).await;
    assert_eq!(listed["passkeys"], json!([]));
    let (code, why) = deployment.refused(&["passkey", "remove", "--sub", "alice"]).await;
    assert!(code == 1 && why.contains("has no passkey"), "{why}");
}

/// HOOK-5-05: by the operator's notifier, whose call is no part of the output.
#[tokio::test]
async fn a_removal_is_told_on_custom_channels() {
    let deployment = Deployment::start().await;
    let email = ["--custom", "email=alice@example.com"];
    deployment.json(&[&ALICE[..7], &email].concat()).await;
    let lambda = Lambda::start(listen(0).await.unwrap()).unwrap();
    let arn = Lambda::arn("tell:live");
    lambda.set_function(&arn, |_| Outcome::json(&json!({ "version": 1, "outcome": "accepted" })));
    let (url, remove) = (lambda.url(), ["passkey", "remove", "--sub", "alice"]);

    let id = enrol(&deployment, "one", START).await;
    let settings = [("USER_NOTIFIER_FUNCTION", arn.as_str()), ("AWS_ENDPOINT_URL_LAMBDA", url.as_str())];
    let output = deployment.run_with(&remove, &settings, START).await.unwrap();
    assert_eq!(output.json, json!({ "sub": "alice", "id": id.as_str(), "removed": true, "untold": [] }));
    let event = lambda.invocations().pop().expect("an invocation").event;
    assert_eq!((&event["kind"], &event["channel"]["name"]), (&json!("passkey_removed"), &json!("email")));

    enrol(&deployment, "two", START).await;
    let output = deployment.run(&remove).await.unwrap();
    let untold = json!([{ "channel": "custom:email", "why": "USER_NOTIFIER_FUNCTION is not set" }]);
    assert_eq!(output.json["untold"], untold);
    assert!(output.text.contains("notified on 1 of 2 channels"), "{}", output.text);
}

/// The id is required where there are several.
#[tokio::test]
async fn one_passkey_is_removed_by_id_and_failed_channels_reported() {
    let deployment = deployment().await;
    let first = enrol(&deployment, "first", START).await;
    let second = enrol(&deployment, "second", START).await;
    let (code, why) = deployment.refused(&["passkey", "remove", "--sub", "alice"]).await;
    assert!(code == 1 && why.contains("--id"), "{why}");
    for id in ["x", PasskeyId::of(b"third").as_str()] {
        assert_eq!(deployment.refused(&["passkey", "remove", "--sub", "alice", "--id", id]).await.0, 1);
    }
    deployment.sns.fail_for("+15555550100", Failure::OptedOut);
    let remove = ["passkey", "remove", "--sub", "alice", "--id", first.as_str()];
    let output = deployment.run(&remove).await.unwrap();
    assert!(output.text.contains("notified on 1 of 2 channels"), "{}", output.text);
    assert_eq!(output.json["untold"][0]["channel"], "sms");
    let listed = deployment.json(&["passkey", "list", "--sub", "alice"]).await;
    assert_eq!(listed["passkeys"][0]["id"], second.as_str());
    assert_eq!(listed["passkeys"].as_array().unwrap().len(), 1);
}
