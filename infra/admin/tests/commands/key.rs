//! `key …`

use std::time::Duration;

use ciba::domain::key_schedule::{JWKS_MAX_AGE, RELOAD_EVERY};
use ciba::domain::time::Timestamp;
use ciba_local::kms::Failure;
use serde_json::{Value, json};

use crate::deployment::{Deployment, START};

/// Use, generation and state of each key.
async fn states(deployment: &Deployment, now: Timestamp) -> Vec<String> {
    let keys = deployment.run_with(&["key", "list"], &[], now).await.unwrap().json;
    let shape = |key: &Value| format!("{} {} {}", key["use"], key["generation"], key["state"]);
    keys["keys"].as_array().unwrap().iter().map(|key| shape(key).replace('"', "")).collect()
}

/// TOK-12-03
#[tokio::test]
async fn a_rotation_makes_successors_that_are_known_at_once_and_used_ten_minutes_later() {
    let deployment = Deployment::start().await;
    let now = START.plus(Duration::from_secs(60));
    let used_from = now.plus(RELOAD_EVERY + JWKS_MAX_AGE);
    let output = deployment.run_with(&["key", "rotate"], &[], now).await.unwrap();
    let key = |name: &str, made: bool| json!({ "use": name, "generation": 2, "made": made, "sign_from": used_from.seconds() });
    assert_eq!(output.json["keys"], json!([key("handle", true), key("signing", true)]));
    assert!(output.text.contains("signing key 2 is made"), "{}", output.text);

    let waiting = ["handle 1 current", "handle 2 waiting", "signing 1 current", "signing 2 waiting"];
    assert_eq!(states(&deployment, now).await[1..], waiting);
    let published = deployment.table.list_public_keys().await.unwrap();
    assert!(published.iter().all(|key| key.times.publish_from <= now) && published.len() == 2);
    let used = ["handle 1 retired", "handle 2 current", "signing 1 retired", "signing 2 current"];
    assert_eq!(states(&deployment, used_from).await[1..], used);

    // Whoever asks again before they are used has been given what they ask for.
    let again = deployment.run_with(&["key", "rotate"], &[], now.plus(RELOAD_EVERY)).await.unwrap();
    assert_eq!(again.json["keys"], json!([key("handle", false), key("signing", false)]));
    assert!(again.text.contains("was there already"), "{}", again.text);
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
    assert_eq!(made.iter().sum::<usize>(), 2);
    assert_eq!(states(&deployment, START).await.len(), 5);
}

#[tokio::test]
async fn a_rotation_of_one_use_leaves_the_other_alone() {
    let deployment = Deployment::start().await;
    for (name, other) in [("signing", "handle"), ("handle", "signing")] {
        let output = deployment.json(&["key", "rotate", "--use", name]).await;
        let keys = output["keys"].as_array().unwrap();
        assert!(keys.iter().all(|key| key["use"] == name && key["generation"] == 2), "{other}: {output}");
    }
    assert_eq!(states(&deployment, START).await.len(), 5);
}

/// As after a deployment whose rotation was never invoked.
#[tokio::test]
async fn without_any_keys_a_rotation_makes_all_that_a_function_needs() {
    let deployment = Deployment::start().await;
    deployment.create_table("fresh").await;
    let settings = [("TABLE_NAME", "fresh")];
    let output = deployment.run_with(&["key", "rotate", "--use", "signing"], &settings, START).await.unwrap();
    let made = output.json["keys"].as_array().unwrap();
    let first =
        |key: &Value| key["made"] == true && key["generation"] == 1 && key["sign_from"] == START.seconds();
    assert!(made.len() == 3 && made.iter().all(first), "{}", output.json);
    assert!(output.text.contains("it is the first, and used at once"), "{}", output.text);
}

#[tokio::test]
async fn a_rotation_without_kms_or_its_setting_makes_nothing_and_says_why() {
    let deployment = Deployment::start().await;
    deployment.kms.fail_next(Failure::Disabled);
    let (code, why) = deployment.refused(&["key", "rotate"]).await;
    assert!(code == 3 && why.contains("DisabledException"), "{code} {why}");
    let failure = deployment.run_with(&["key", "rotate"], &[("KMS_KEY_ID", "")], START).await.err().unwrap();
    assert_eq!((failure.exit_code(), failure.to_string().contains("KMS_KEY_ID")), (2, true), "{failure}");
    assert_eq!(states(&deployment, START).await.len(), 3);
}
