//! `person …`

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::client::ClientId;
use ciba::store::WriteId;
use serde_json::json;

use crate::deployment::{DAY, Deployment, START};

#[tokio::test]
async fn a_person_is_created_shown_disabled_and_enabled() {
    let deployment = Deployment::start().await;
    let create = [
        &["person", "create", "--sub", "alice", "--login-value", "alice", "--sms", "+1 (0)555 555 0100"][..],
        &["--plain", "alice", "--email", "Alice@example.com", "--claims", r#"{"name":"Alice"}"#],
        &["--tel", "(+44) (0)20 7946 0958"],
    ]
    .concat();
    let created = deployment.json(&create).await;
    let expected = json!({
        "sub": "alice", "person": PersonKey::new(deployment.login.issuer(), "alice").as_str(),
        "active": true, "has_login": true, "resolved_at": null,
        "hints": { "plain": ["alice"], "email": ["alice@example.com"], "tel": ["+442079460958"] },
        "channels": [{ "sms": "+15555550100" }],
        "claims": { "name": "Alice" },
        "has_user_code": false, "user_codes_locked_until": null,
        "wrong_user_codes": [], "cool_downs": [], "blocks": [],
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

/// ATK-1-04, ATK-1-05
#[tokio::test]
async fn a_person_is_shown_with_who_is_blocked_and_who_has_to_wait() {
    let deployment = Deployment::start().await;
    for id in ["kiosk", "teller"] {
        deployment.json(&["client", "create", "--client-name", "Kiosk", "--client-id", id]).await;
    }
    deployment.json(&["person", "create", "--sub", "alice", "--login-value", "alice"]).await;
    for change in ["block", "unblock"] {
        deployment.json(&["person", change, "--sub", "alice", "--client", "kiosk"]).await;
    }
    deployment.json(&["person", "block", "--sub", "alice", "--client", "teller"]).await;
    let alice = PersonKey::new(deployment.login.issuer(), "alice");
    let (_, asks) = deployment.table.find_person_with_asks(&alice).await.unwrap().unwrap();
    let kiosk = ClientId::parse("kiosk").unwrap();
    // What two denials and five wrong codes leave behind.
    let mut next = asks.denied(&kiosk, START.minus(DAY / 48)).denied(&kiosk, START);
    next = next.denied(&ClientId::parse("old").unwrap(), START.minus(DAY / 24));
    for _ in 0..5 {
        next = next.code_was_wrong(&kiosk, START);
    }
    next.version = asks.version + 1;
    assert!(deployment.table.replace_asks(&alice, &next, &WriteId::new([7; 16])).await.unwrap());

    let seconds = START.seconds();
    let shown = deployment.json(&["person", "show", "alice"]).await;
    let expected = json!([
        { "client_id": "kiosk", "at": seconds, "lifted_at": seconds },
        { "client_id": "teller", "at": seconds, "lifted_at": null },
    ]);
    assert_eq!(shown["blocks"], expected);
    let expected = json!([{ "client_id": "kiosk", "denials": 2, "until": seconds + 3600 }]);
    assert_eq!(shown["cool_downs"], expected, "clients that no longer wait are not shown");
    assert_eq!(shown["wrong_user_codes"], json!([{ "client_id": "kiosk", "count": 5, "last": seconds }]));
    assert_eq!(shown["user_codes_locked_until"], seconds + 60);
    let text = deployment.run(&["person", "show", "alice"]).await.unwrap().text;
    for line in [
        "teller since 2027-",
        "kiosk, lifted 2027-",
        "denied 2 times",
        "5 from kiosk",
        "none is accepted until",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

/// CIBA-7.1.2-06: shown is that there is one.
#[tokio::test]
async fn a_user_code_comes_from_a_file_and_is_not_shown() {
    let deployment = Deployment::start().await;
    let people = json!([
        { "sub": "alice", "login": { "value": "alice" }, "channels": [], "user_code": "2931-x" },
        { "sub": "bob", "login": { "value": "bob" }, "channels": [], "user_code": "12" },
    ]);
    let file = std::env::temp_dir().join(format!("ciba-admin-codes-{}.json", std::process::id()));
    std::fs::write(&file, people.to_string()).unwrap();
    let output = deployment.run(&["person", "import", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();
    let output = output.unwrap();
    assert_eq!((&output.json["written"], &output.json["refused"]), (&json!(1), &json!(1)));
    assert!(output.json["people"][1]["why"].as_str().unwrap().contains("user_code"));
    let shown = deployment.run(&["person", "show", "alice"]).await.unwrap();
    assert_eq!(shown.json["has_user_code"], true);
    for shown in [output.text, output.json.to_string(), shown.text, shown.json.to_string()] {
        assert!(!shown.contains("2931") && !shown.contains("argon"), "{shown}");
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

/// HOOK-5-01
#[tokio::test]
async fn custom_channels_are_created_imported_and_shown() {
    let deployment = Deployment::start().await;
    let create = ["person", "create", "--sub", "alice", "--sms", "+15555550100", "--custom"];
    let both = [&create[..], &["email=a=b@example.com", "--custom", "chat= U7 "]].concat();
    let email = json!({ "custom": { "name": "email", "address": "a=b@example.com" } });
    let chat = json!({ "custom": { "name": "chat", "address": "U7" } });
    let expected = json!([email, chat, { "sms": "+15555550100" }]);
    assert_eq!(deployment.json(&both).await["channels"], expected);
    let shown = deployment.run(&["person", "show", "alice"]).await.unwrap();
    assert_eq!(shown.json["channels"], expected);
    assert!(shown.text.contains("custom email a=b@example.com\n"), "{}", shown.text);

    // In any order, and as it is shown.
    let entries = json!([
        { "sub": "bob", "channels": [{ "sms": "+15555550101" }, email] },
        { "sub": "carol", "channels": [{ "custom": { "name": "E-Mail", "address": "c@example.com" } }] },
        { "sub": "dave", "channels": [{ "custom": ["email", "d@example.com"] }] },
        { "sub": "erin", "channels": [{ "custom": { "name": "email", "address": "e@example.com", "to": "x" } }] },
    ]);
    let file = std::env::temp_dir().join(format!("ciba-admin-custom-{}.json", std::process::id()));
    std::fs::write(&file, entries.to_string()).unwrap();
    let imported = deployment.json(&["person", "import", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!((&imported["written"], &imported["refused"]), (&json!(1), &json!(3)), "{imported}");
    let why = imported["people"][1]["why"].as_str().unwrap();
    assert!(why.contains("the name of a custom channel") && !why.contains("c@example.com"), "{why}");
    let shown = deployment.json(&["person", "show", "bob"]).await;
    assert_eq!(shown["channels"], json!([{ "sms": "+15555550101" }, email]));
    assert_eq!(deployment.refused(&[&create[..], &["chat="]].concat()).await.0, 1);
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
async fn a_person_without_a_login_is_shown_as_passkey_only() {
    let deployment = Deployment::start().await;
    let output = deployment.run(&["person", "create", "--sub", "alice"]).await.unwrap();
    assert_eq!(output.json["has_login"], false);
    assert!(output.text.contains("only with a passkey"), "{}", output.text);
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
    // Nothing of a refused entry is written, not even the hint that was free.
    assert_eq!(deployment.refused(&["person", "show", "carol"]).await.0, 1);
    let entry = ["person", "create", "--sub", "erin", "--plain", "c"];
    assert_eq!(deployment.json(&entry).await["hints"]["plain"], json!(["c"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_wrong_usage() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.refused(&["person", "import", "/nonexistent/people.json"]).await.0, 2);
}

/// ATK-1-11: by either command that writes over a person.
#[tokio::test]
async fn a_person_is_not_weakened_unless_it_is_confirmed_by_name() {
    let deployment = Deployment::start().await;
    let file = std::env::temp_dir().join(format!("ciba-admin-weaker-{}.json", std::process::id()));
    let import = async |entry: serde_json::Value, more: &[&str]| {
        std::fs::write(&file, json!([entry]).to_string()).unwrap();
        let output =
            deployment.run(&[&["person", "import", file.to_str().unwrap()][..], more].concat()).await;
        std::fs::remove_file(&file).unwrap();
        output.unwrap().json["people"][0]["why"].as_str().map(str::to_owned)
    };
    let alice = |more: serde_json::Value| {
        let mut entry = json!({ "sub": "alice", "login": { "value": "alice" }, "channels": [] });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let protected = alice(json!({ "user_code": "2931-x", "active": false }));
    assert_eq!(import(protected.clone(), &[]).await, None);
    let before = deployment.json(&["person", "show", "alice"]).await;

    let create = ["person", "create", "--sub", "alice", "--login-value", "alice", "--replace"];
    let (code, by_create) = deployment.refused(&create).await;
    let by_import = import(alice(json!({})), &[]).await.unwrap();
    for why in [&by_create, &by_import] {
        assert!(code == 1 && why.contains("protects it: active, user_code."), "{why}");
    }
    let (_, half) = deployment.refused(&[&create[..], &["--confirm", "active"]].concat()).await;
    assert!(half.ends_with("--confirm user_code"), "{half}");
    assert!(
        import(alice(json!({})), &["--confirm", "user_code"]).await.unwrap().ends_with("--confirm active")
    );
    assert_eq!(deployment.json(&["person", "show", "alice"]).await, before, "nothing is written");

    // Another code is not weaker, and neither is an unchanged entry.
    assert_eq!(import(alice(json!({ "user_code": "1111-y", "active": false })), &[]).await, None);
    let confirmed = deployment.json(&[&create[..], &["--confirm", "active,user_code"]].concat()).await;
    assert_eq!((&confirmed["active"], &confirmed["has_user_code"]), (&json!(true), &json!(false)));
    assert_eq!(import(protected, &[]).await, None);
    assert_eq!(import(alice(json!({})), &["--confirm", "active", "--confirm", "user_code"]).await, None);
}

/// Names from people or from the table cannot send commands to the operator's terminal.
#[tokio::test]
async fn what_is_foreign_reaches_no_terminal_as_it_is() {
    let deployment = Deployment::start().await;
    let hostile = "a\u{202e}b\u{1b}[2J\u{9b}31m\u{7f}\u{200b}";
    let claims = json!({ "name": hostile, hostile: "x" }).to_string();
    let create = ["person", "create", "--sub", "alice", "--plain", "al\u{2066}ice", "--claims", &claims];
    let created = deployment.run(&create).await.unwrap();
    assert_eq!(created.json["claims"]["name"], hostile, "kept as it is");
    let shown = deployment.run(&["person", "show", "alice"]).await.unwrap();
    let refused = deployment.refused(&["person", "show", "b\u{1b}]0;x\u{7}"]).await.1;
    let texts =
        [created.printed(false), created.printed(true), shown.printed(false), shown.printed(true), refused];
    for text in &texts {
        let is_seen = |letter: char| {
            letter == '\n' || !letter.is_control() && !"\u{202e}\u{2066}\u{200b}".contains(letter)
        };
        assert!(text.chars().all(is_seen), "{text:?}");
    }
    assert_eq!(texts[2].lines().count(), 13, "{}", texts[2]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&texts[3]).unwrap(), shown.json);
}
