//! `person …`

use ciba::domain::person_key::PersonKey;
use serde_json::json;

use crate::deployment::Deployment;

#[tokio::test]
async fn a_person_is_created_shown_disabled_and_enabled() {
    let deployment = Deployment::start().await;
    let create = [
        &["person", "create", "--sub", "alice", "--login-value", "alice", "--sms", "+1 555 555 0100"][..],
        &["--plain", "alice", "--email", "Alice@example.com", "--claims", r#"{"name":"Alice"}"#],
    ]
    .concat();
    let created = deployment.json(&create).await;
    let expected = json!({
        "sub": "alice", "person": PersonKey::new(deployment.login.issuer(), "alice").as_str(),
        "active": true, "has_login": true,
        "hints": { "plain": ["alice"], "email": ["alice@example.com"], "tel": [] },
        "channels": [{ "sms": "+15555550100" }],
        "claims": { "name": "Alice" },
    });
    assert_eq!(created, expected);
    assert_eq!(deployment.json(&["person", "show", "alice"]).await, expected);

    let (code, why) = deployment.refused(&create).await;
    assert!(code == 1 && why.contains("--replace"), "{why}");
    let replaced = [&create[..6], &["--replace"]].concat();
    assert_eq!(deployment.json(&replaced).await["channels"], json!([]));

    for (command, active) in [("disable", false), ("enable", true)] {
        let answer = deployment.json(&["person", command, "alice"]).await;
        assert_eq!(answer, json!({ "sub": "alice", "active": active }));
        assert_eq!(deployment.json(&["person", "show", "alice"]).await["active"], active);
    }
    for command in ["show", "disable", "enable"] {
        assert_eq!(
            deployment.refused(&["person", command, "bob"]).await,
            (1, "there is no person bob".to_owned())
        );
    }
}

#[tokio::test]
async fn devices_come_before_numbers_and_numbers_before_topics() {
    let deployment = Deployment::start().await;
    let endpoint = |id: u8| format!("arn:aws:sns:eu-west-1:123456789012:endpoint/APNS/App/{id}");
    let topic = "arn:aws:sns:eu-west-1:123456789012:ciba";
    let (first, second) = (endpoint(1), endpoint(2));
    let create = ["person", "create", "--sub", "alice", "--topic", topic, "--sms", "+15555550100"];
    let created = deployment.json(&[&create[..], &["--push", &first, "--push", &second]].concat()).await;
    let expected =
        json!([{ "push": first }, { "push": second }, { "sms": "+15555550100" }, { "topic": topic }]);
    assert_eq!(created["channels"], expected);
}

/// ATK-7-01: as the functions do, by the same setting.
#[tokio::test]
async fn a_number_in_a_country_that_is_not_listed_is_refused() {
    let deployment = Deployment::start().await;
    let create = ["person", "create", "--sub", "alice", "--sms", "+4915155550100"];
    let (code, why) = deployment.refused(&create).await;
    assert!(code == 1 && why.contains("SMS_COUNTRIES"), "{why}");
}

#[tokio::test]
async fn a_person_without_a_login_is_shown_as_one_for_whom_nobody_can_decide() {
    let deployment = Deployment::start().await;
    let output = deployment.run(&["person", "create", "--sub", "alice"]).await.unwrap();
    assert_eq!(output.json["has_login"], false);
    assert!(output.text.contains("nobody can decide"), "{}", output.text);
}

#[tokio::test]
async fn an_import_writes_what_is_right_and_reports_each_entry() {
    let deployment = Deployment::start().await;
    let people = json!([
        { "sub": "alice", "login": { "value": "alice" }, "hints": { "plain": ["a"] }, "channels": [] },
        { "sub": "bob", "hints": { "plain": ["b"] }, "channels": [{ "sms": "0815" }] },
        { "sub": "carol", "hints": { "plain": ["a", "c"] }, "channels": [] },
        { "sub": "dave", "channels": [], "phone": "+15555550100" },
        { "sub": "alice", "channels": [] },
        "erin",
        { "sub": "frank", "channels": [{ "sms": "+15555550105" }], "active": false },
    ]);
    let file = std::env::temp_dir().join(format!("ciba-admin-import-{}.json", std::process::id()));
    std::fs::write(&file, people.to_string()).unwrap();
    let output = deployment.run(&["person", "import", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();

    let output = output.unwrap();
    assert!(!output.is_clean);
    assert_eq!((&output.json["written"], &output.json["refused"]), (&json!(2), &json!(5)));
    let results = output.json["people"].as_array().unwrap();
    let written: Vec<_> = results.iter().map(|it| it["written"].as_bool().unwrap()).collect();
    assert_eq!(written, [true, false, false, false, false, false, true], "{}", output.text);
    for (index, why) in [(1, "E.164"), (2, "somebody else"), (3, "phone"), (4, "twice"), (5, "struct")] {
        assert!(results[index]["why"].as_str().unwrap().contains(why), "{}", results[index]);
    }

    assert_eq!(deployment.json(&["person", "show", "alice"]).await["has_login"], true);
    assert_eq!(deployment.json(&["person", "show", "frank"]).await["active"], false);
    // Nothing of an entry that was refused, not even the hint that was free.
    assert_eq!(deployment.refused(&["person", "show", "carol"]).await.0, 1);
    let entry = ["person", "create", "--sub", "erin", "--plain", "c"];
    assert_eq!(deployment.json(&entry).await["hints"]["plain"], json!(["c"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_wrong_usage() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.refused(&["person", "import", "/nonexistent/people.json"]).await.0, 2);
}
