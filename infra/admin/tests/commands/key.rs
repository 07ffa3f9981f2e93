//! `key …`

use std::time::Duration;

use ciba::domain::base::time::Timestamp;
use ciba::domain::issuer::key_schedule::{JWKS_MAX_AGE, RELOAD_EVERY};
use ciba::store::KeyUse;
use ciba_local::kms::Failure;
use serde_json::{Value, json};

use crate::deployment::{Deployment, START};

const SIGNING: [&str; 4] = ["ES256", "RS256", "PS256", "EdDSA"];

/// Use, algorithm, generation and state of each key.
async fn states(deployment: &Deployment, now: Timestamp) -> Vec<String> {
    let keys = deployment.run_with(&["key", "list"], &[], now).await.unwrap().json;
    let shape = |key: &Value| {
        let members = ["use", "alg", "generation", "state"].map(|name| key[name].to_string());
        members.join(" ").replace('"', "")
    };
    keys["keys"].as_array().unwrap().iter().map(shape).collect()
}

/// The keys of all uses except data, in generations 1 and 2 with these states.
fn two_generations(first: &str, second: &str) -> Vec<String> {
    let uses = ["handle null".to_owned()].into_iter().chain(SIGNING.map(|alg| format!("signing {alg}")));
    let uses = uses.chain(["page null", "login null"].map(str::to_owned));
    uses.flat_map(|it| [format!("{it} 1 {first}"), format!("{it} 2 {second}")]).collect()
}

#[tokio::test]
async fn the_keys_are_listed_by_use_and_algorithm() {
    let deployment = Deployment::start().await;
    let expected = ["data null", "handle null"].map(str::to_owned).into_iter();
    let expected = expected.chain(SIGNING.map(|alg| format!("signing {alg}")));
    let expected =
        expected.chain(["page null", "login null"].map(str::to_owned)).map(|it| format!("{it} 1 current"));
    assert_eq!(states(&deployment, START).await, expected.collect::<Vec<_>>());
    let keys = deployment.json(&["key", "list"]).await["keys"].clone();
    assert_eq!((keys[0]["sign_until"].is_null(), keys[2]["kid"].is_string()), (true, true));
}

/// TOK-12-03
#[tokio::test]
async fn successors_are_known_at_once_and_used_ten_minutes_later() {
    let deployment = Deployment::start().await;
    let now = START.plus(Duration::from_secs(60));
    let used_from = now.plus(RELOAD_EVERY + JWKS_MAX_AGE);
    let output = deployment.run_with(&["key", "rotate"], &[], now).await.unwrap();
    let key = |name: &str, alg: Option<&str>, made: bool| json!({ "use": name, "alg": alg, "generation": 2, "made": made, "sign_from": used_from.seconds() });
    let all = |made: bool| {
        let signing = SIGNING.map(|alg| key("signing", Some(alg), made));
        let others = ["page", "login"].map(|name| key(name, None, made));
        Value::from([&[key("handle", None, made)], &signing[..], &others].concat())
    };
    assert_eq!(output.json["keys"], all(true));
    assert!(output.text.contains("signing-ES256 key 2 was created"), "{}", output.text);

    let waiting = two_generations("current", "waiting");
    assert_eq!(states(&deployment, now).await[1..], waiting);
    let published = deployment.table.list_public_keys(KeyUse::signs_tokens).await.unwrap();
    assert!(published.iter().all(|key| key.times.publish_from <= now) && published.len() == 8);
    assert_eq!(states(&deployment, used_from).await[1..], two_generations("retired", "current"));

    // Asking again before they are used creates no further keys.
    let again = deployment.run_with(&["key", "rotate"], &[], now.plus(RELOAD_EVERY)).await.unwrap();
    assert_eq!(again.json["keys"], all(false));
    assert!(again.text.contains("exists already"), "{}", again.text);
    assert_eq!(states(&deployment, now).await[1..], waiting);
}

#[tokio::test]
async fn two_rotations_at_once_are_one() {
    let deployment = Deployment::start().await;
    let rotate = ["key", "rotate"];
    let (one, two) = tokio::join!(deployment.run(&rotate), deployment.run(&rotate));
    let made = [one, two].map(|output| {
        let keys = output.unwrap().json["keys"].as_array().unwrap().clone();
        keys.iter().filter(|key| key["made"] == true).count()
    });
    assert_eq!(made.iter().sum::<usize>(), 7);
    assert_eq!(states(&deployment, START).await.len(), 15);
}

#[tokio::test]
async fn a_rotation_of_one_use_leaves_the_others_alone() {
    let deployment = Deployment::start().await;
    for name in ["signing", "handle", "page", "login"] {
        let output = deployment.json(&["key", "rotate", "--use", name]).await;
        let keys = output["keys"].as_array().unwrap();
        assert!(keys.iter().all(|key| key["use"] == name && key["generation"] == 2), "{name}: {output}");
    }
    assert_eq!(states(&deployment, START).await.len(), 15);
}

/// As after a deployment whose key rotation was never invoked.
#[tokio::test]
async fn without_any_keys_a_rotation_makes_all_that_a_function_needs() {
    let deployment = Deployment::start().await;
    deployment.create_table("fresh").await;
    let settings = [("TABLE_NAME", "fresh")];
    let output = deployment.run_with(&["key", "rotate", "--use", "signing"], &settings, START).await.unwrap();
    let made = output.json["keys"].as_array().unwrap();
    let first =
        |key: &Value| key["made"] == true && key["generation"] == 1 && key["sign_from"] == START.seconds();
    assert!(made.len() == 8 && made.iter().all(first), "{}", output.json);
    assert!(output.text.contains("it is the first, and used at once"), "{}", output.text);
}

/// It makes no key.
#[tokio::test]
async fn a_rotation_without_kms_or_its_setting_fails_with_a_reason() {
    let deployment = Deployment::start().await;
    deployment.kms.fail_next(Failure::Disabled);
    let (code, why) = deployment.refused(&["key", "rotate"]).await;
    assert!(code == 3 && why.contains("DisabledException"), "{code} {why}");
    let failure = deployment.run_with(&["key", "rotate"], &[("KMS_KEY_ID", "")], START).await.err().unwrap();
    assert_eq!((failure.exit_code(), failure.to_string().contains("KMS_KEY_ID")), (2, true), "{failure}");
    assert_eq!(states(&deployment, START).await.len(), 8);
}

/// An operation that cannot be undone is announced first.
#[tokio::test]
async fn an_unconfirmed_emergency_only_says_what_it_would_end() {
    let deployment = Deployment::start().await;
    let before = states(&deployment, START).await;
    let kid = deployment.json(&["key", "list"]).await["keys"][2]["kid"].as_str().unwrap().to_owned();
    for (arguments, expected) in [
        (&["--use", "signing"][..], [kid.as_str(), "signing-EdDSA key 1, current", "Grants remain valid"]),
        (
            &["--use", "signing", "--alg", "ES256"],
            [&kid, "signing-ES256 key 1, current", "Grants remain valid"],
        ),
        (&["--use", "handle"], ["handle key 1, current", "every grant", "--confirm"]),
        (&["--use", "page"], ["page key 1, current", "has to log in again", "--confirm"]),
        (&["--use", "login"], ["login key 1, current", "/login/jwks.json", "--confirm"]),
    ] {
        let (code, text) = deployment.refused(&[&["key", "rotate", "--emergency"], arguments].concat()).await;
        assert!(code == 1 && expected.iter().all(|it| text.contains(it)), "{code} {text}");
        assert_eq!(text.contains("EdDSA"), arguments == ["--use", "signing"], "{text}");
    }
    assert_eq!(states(&deployment, START).await, before);
    let (code, _) = deployment.refused(&["key", "rotate", "--use", "handle", "--alg", "ES256"]).await;
    assert_eq!(code, 2);
}

/// TOK-12-05: all that there is of that use is withdrawn.
#[tokio::test]
async fn a_confirmed_emergency_replaces_the_keys_of_its_use_at_once() {
    let deployment = Deployment::start().await;
    let now = START.plus(Duration::from_secs(3600));
    let emergency = ["key", "rotate", "--emergency", "--confirm", "--use", "signing", "--alg", "ES256"];
    let output = deployment.run_with(&emergency, &[], now).await.unwrap();
    let es256 = |generation: u32| json!({ "use": "signing", "alg": "ES256", "through": generation, "at": now.seconds() });
    assert_eq!(output.json["withdrawn"], json!([es256(1)]));
    assert_eq!(
        (&output.json["keys"][0]["generation"], &output.json["keys"][0]["made"]),
        (&json!(2), &json!(true))
    );
    for said in ["signing-ES256 key 2 was created and is used at once", "up to generation 1 are withdrawn"] {
        assert!(output.text.contains(said), "{}", output.text);
    }
    let listed = states(&deployment, now).await;
    assert_eq!(listed[2..4], ["signing ES256 1 withdrawn", "signing ES256 2 current"]);
    assert_eq!(listed.iter().filter(|it| it.ends_with("withdrawn")).count(), 1, "{listed:?}");

    // Repeating it, because the response was lost, gives the same result.
    let again = deployment.run_with(&emergency, &[], now.plus(Duration::from_secs(5))).await.unwrap();
    assert_eq!(
        (&again.json["withdrawn"], &again.json["keys"][0]["made"]),
        (&json!([es256(1)]), &json!(false))
    );
    assert!(again.text.contains("was created just now"), "{}", again.text);
    assert_eq!(states(&deployment, now).await, listed);
}

/// TOK-12-05
#[tokio::test]
async fn a_rotation_in_kms_makes_keys_there_and_the_list_names_them() {
    let deployment = Deployment::start().await;
    let settings = [("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")];
    let rotate = ["key", "rotate", "--use", "signing", "--alg", "EdDSA"];
    deployment.run_with(&rotate, &settings, START).await.unwrap();
    let output = deployment.run(&["key", "list"]).await.unwrap();
    let [key_id] = &deployment.kms.signing_keys()[..] else { panic!("one key") };
    let keys = output.json["keys"].as_array().unwrap();
    let named: Vec<_> = keys.iter().filter(|key| !key["kms_key_id"].is_null()).collect();
    let [key] = named[..] else { panic!("{named:?}") };
    assert_eq!(
        (&key["kms_key_id"], &key["alg"], &key["state"]),
        (&json!(key_id), &json!("EdDSA"), &json!("waiting"))
    );
    assert!(output.text.contains(&format!("KMS {key_id}")), "{}", output.text);
    let missing = deployment.run_with(&rotate, &[("SIGNING", "kms")], START).await.err().unwrap();
    assert_eq!(
        (missing.exit_code(), missing.to_string().contains("SIGNING_KEY_TAG")),
        (2, true),
        "{missing}"
    );
}

/// TOK-12-05: these commands need no permission to use a key.
#[tokio::test]
async fn what_writes_anything_but_keys_never_calls_kms() {
    let deployment = Deployment::start().await;
    deployment.kms.clear();
    let people = std::env::temp_dir().join(format!("ciba-admin-nokms-{}.json", std::process::id()));
    std::fs::write(&people, json!([{"sub": "bob", "login": {"value": "bob"}, "channels": []}]).to_string())
        .unwrap();
    for command in [
        "client create --client-id kiosk --client-name Kiosk --scope openid",
        "client rotate-secret kiosk",
        "client disable kiosk",
        "person create --sub alice --login-value alice --sms +15555550100",
        &format!("person import {}", people.display()),
        "person block --sub alice --client kiosk",
        "person unblock --sub alice --client kiosk",
        "person forget-asks alice",
        "person disable bob",
        "ticket create --sub alice",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        deployment.run(&words).await.unwrap_or_else(|failure| panic!("{command}: {failure}"));
    }
    std::fs::remove_file(&people).unwrap();
    for refused in ["request cancel q83vEjRWeJCrze8SNFZ4kA", "evidence erase --sub alice --confirm"] {
        let words: Vec<_> = refused.split(' ').collect();
        assert_eq!(deployment.refused(&words).await.0, 1, "{refused}");
    }
    let calls = deployment.kms.calls();
    assert!(calls.is_empty(), "{calls:?}");
}
