//! `doctor`

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use ciba_local::kms::Failure;
use ciba_local::server::listen;
use serde_json::{Value, json};

use crate::client::CREATE;
use crate::deployment::{DAY, Deployment, MTLS_AUTHORITIES, MTLS_URL, START, TABLE, template};

const ALICE: [&str; 7] =
    ["person", "create", "--sub", "alice", "--login-value=alice", "--sms", "+15555550100"];

/// A deployment with everything that a flow needs.
async fn sound() -> Deployment {
    let deployment = Deployment::start().await;
    deployment.json(&CREATE).await;
    deployment.json(&ALICE).await;
    deployment
}

#[tokio::test]
async fn the_doctor_has_nothing_to_say_of_a_sound_deployment() {
    let deployment = sound().await;
    assert_eq!(deployment.findings(&[], START).await, []);
}

const FAPI: (&str, &str) = ("PROFILE", "fapi-ciba");

#[tokio::test]
async fn the_doctor_finds_each_setting_that_cannot_be_read() {
    let deployment = sound().await;
    for settings in [
        &[("PROFILE", "strict")][..],
        &[("MTLS_URL", "http://mtls.example")],
        &[MTLS_URL, ("MTLS_AUTHORITIES", "x")],
        &[("DPOP_PROOF_LIFETIME_SECONDS", "1")],
        &[("DPOP_NONCE_REQUIRED", "perhaps")],
        &[("PASSKEY_ORIGINS", "http://app.example")],
        &[("ANDROID_APPS", "com.example.bank")],
        &[("APPLE_APPS", "com.example.bank")],
    ] {
        let (check, detail) = deployment.finding(settings, START).await;
        assert!(check == "settings" && detail.contains(settings.last().unwrap().0), "{detail}");
    }
}

#[tokio::test]
async fn the_doctor_finds_a_missing_table_and_skips_what_needs_it() {
    let deployment = sound().await;
    let (check, detail) = deployment.finding(&[("TABLE_NAME", "other")], START).await;
    assert!(check == "table" && detail.contains("ResourceNotFoundException"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_a_table_without_time_to_live() {
    let deployment = sound().await;
    let off = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(false).build().unwrap();
    let update = deployment.dynamodb.client().update_time_to_live().table_name(TABLE);
    update.time_to_live_specification(off).send().await.unwrap();
    assert_eq!(deployment.finding(&[], START).await.0, "table_ttl");
}

#[tokio::test]
async fn the_doctor_finds_a_table_that_can_be_deleted() {
    let deployment = sound().await;
    let update = deployment.dynamodb.client().update_table().table_name(TABLE);
    update.deletion_protection_enabled(false).send().await.unwrap();
    assert_eq!(deployment.finding(&[], START).await.0, "table_protection");
}

#[tokio::test]
async fn the_doctor_finds_a_table_without_index_and_keys() {
    let deployment = sound().await;
    let mut bare = template().table;
    bare.indexes.clear();
    bare.attributes.retain(|it| ["pk", "sk"].contains(&it.name.as_str()));
    deployment.dynamodb.create_table("bare", &bare).await.unwrap();
    let findings = deployment.findings(&[("TABLE_NAME", "bare")], START).await;
    let names: Vec<_> = findings.iter().map(|(check, _)| check.as_str()).collect();
    let expected =
        ["table_index", "keys", "keys", "keys", "keys", "keys", "keys", "keys", "keys", "clients", "people"];
    assert_eq!(names, expected, "{findings:?}");
}

#[tokio::test]
async fn the_doctor_finds_overdue_keys_but_never_the_data_key() {
    let deployment = sound().await;
    let findings = deployment.findings(&[], START.plus(91 * DAY)).await;
    let overdue = |name: &str| findings.iter().any(|(check, it)| check == "keys" && it.contains(name));
    assert_eq!(findings.len(), 7, "{findings:?}");
    for name in
        ["handle", "signing-ES256", "signing-RS256", "signing-PS256", "signing-EdDSA", "page", "login"]
    {
        assert!(overdue(&format!("{name} key 1 ")), "{name}: {findings:?}");
    }
}

#[tokio::test]
async fn the_doctor_finds_another_issuer_in_the_discovery_document() {
    let deployment = sound().await;
    let issuer = deployment.published.discovery.lock().unwrap()["issuer"].as_str().unwrap().to_owned();
    deployment.publish(&format!("{issuer}/")).await;
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "discovery" && detail.contains(&format!("{:?}", format!("{issuer}/"))), "{detail}");
}

/// CAUTH-4-07, FCIBA-26, TOK-11-06, TOK-11-07
#[tokio::test]
async fn the_doctor_finds_metadata_that_differs_from_the_settings() {
    let deployment = sound().await;
    let issuer = deployment.published.discovery.lock().unwrap()["issuer"].as_str().unwrap().to_owned();
    let findings = async |of_functions: &[(&str, &str)], here: &[(&str, &str)]| {
        deployment.publish_with(&issuer, of_functions).await;
        let findings = deployment.findings(here, START).await;
        findings.into_iter().filter(|(check, _)| check == "metadata").map(|it| it.1).collect::<Vec<_>>()
    };
    let other = ("MTLS_URL", "https://other.example");
    for (of_functions, here, said) in [
        (&[][..], &[MTLS_URL][..], &["mtls_endpoint_aliases is missing", "https://mtls.example/"][..]),
        (&[MTLS_URL], &[], &["mtls_endpoint_aliases is {", "would be missing"]),
        (&[other], &[MTLS_URL], &["https://other.example/", "https://mtls.example/"]),
        (&[MTLS_URL], &[MTLS_URL, MTLS_AUTHORITIES], &["token_endpoint_auth_methods", "\"tls_client_auth\""]),
        (&[], &[FAPI], &["\"push\"", "client_secret_basic", "revocation_endpoint", "introspection_endpoint"]),
        (&[FAPI], &[], &["\"push\"", "client_secret_post"]),
    ] {
        let found = findings(of_functions, here).await;
        assert_eq!(found.len(), 1, "{of_functions:?} {here:?}: {found:?}");
        assert!(said.iter().all(|it| found[0].contains(it)), "{said:?}: {found:?}");
    }
    for settings in [&[MTLS_URL][..], &[MTLS_URL, MTLS_AUTHORITIES, FAPI], &[FAPI]] {
        assert_eq!(findings(settings, settings).await, [""; 0], "{settings:?}");
    }
}

/// HOOK-5-01
#[tokio::test]
async fn the_doctor_finds_channels_without_a_notifier() {
    let deployment = sound().await;
    let create = ["person", "create", "--sub", "bob", "--custom", "email=bob@example.com"];
    deployment.json(&create).await;
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "channels" && detail.contains("custom:email"), "{detail}");
    assert!(!detail.contains("bob"), "{detail}");
    let function = ("USER_NOTIFIER_FUNCTION", "arn:aws:lambda:us-east-1:123456789012:function:tell:live");
    assert_eq!(deployment.findings(&[function], START).await, []);
    for wrong in [("USER_NOTIFIER_FUNCTION", "tell"), ("USER_NOTIFIER_CONTENT", "all")] {
        let (check, detail) = deployment.finding(&[function, wrong], START).await;
        assert!(check == "settings" && detail.contains(wrong.0), "{detail}");
    }
    // Whoever is disabled is asked by nobody.
    deployment.json(&["person", "disable", "bob"]).await;
    assert_eq!(deployment.findings(&[], START).await, []);
}

#[tokio::test]
async fn the_doctor_finds_an_issuer_where_nothing_answers() {
    let deployment = sound().await;
    let port = listen(0).await.unwrap().local_addr().unwrap().port();
    let findings = deployment.findings(&[("ISSUER", &format!("http://localhost:{port}"))], START).await;
    let names: Vec<_> = findings.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(names, ["discovery", "jwks"], "{findings:?}");
}

#[tokio::test]
async fn the_doctor_finds_a_key_set_without_the_key_that_signs() {
    let deployment = sound().await;
    *deployment.published.jwks.lock().unwrap() = json!({ "keys": [{ "kid": "another" }] });
    assert_eq!(deployment.finding(&[], START).await.0, "jwks");
}

/// TOK-12-01: a verifier of one algorithm is not helped by the keys of the others.
#[tokio::test]
async fn the_doctor_finds_a_key_set_without_the_key_of_one_algorithm() {
    let deployment = sound().await;
    let without_rs256 =
        |set: &mut Value| set["keys"].as_array_mut().unwrap().retain(|it| it["alg"] != "RS256");
    without_rs256(&mut deployment.published.jwks.lock().unwrap());
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "jwks" && detail.contains("(RS256)") && !detail.contains("(ES256)"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_that_the_key_of_one_algorithm_is_missing() {
    let deployment = sound().await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let delete = deployment.dynamodb.client().delete_item().table_name(TABLE).key("pk", text("keys"));
    delete.key("sk", text("key#signing-PS256#00000001")).send().await.unwrap();
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "keys" && detail.contains("no signing-PS256 key"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_a_login_issuer_missing_or_without_keys() {
    let deployment = sound().await;
    // With passkeys it works without a login issuer.
    let output = deployment.run_with(&["doctor"], &[("LOGIN_ISSUERS", "[]")], START).await.unwrap();
    assert!(output.is_clean && output.text.contains("warning  login_issuer"), "{}", output.text);
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", "[]"), ("RP_ID", "")], START).await;
    assert!(check == "login_issuer" && detail.contains("nobody can approve"), "{detail}");

    let mut login = deployment.login.setting();
    login["algorithms"] = json!(["RS256"]);
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", &json!([login]).to_string())], START).await;
    assert!(check == "login_issuer" && detail.contains("RS256"), "{detail}");

    login["jwks_uri"] = format!("{}/nowhere", deployment.login.issuer()).into();
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", &json!([login]).to_string())], START).await;
    assert!(check == "login_issuer" && detail.contains("404"), "{detail}");
}

/// The client may have been created before the login issuer was configured.
#[tokio::test]
async fn the_doctor_finds_a_client_named_like_a_login_audience() {
    let deployment = sound().await;
    let create =
        ["client", "create", "--client-name", "Kiosk", "--client-id", ciba_local::login_issuer::AUDIENCE];
    deployment.run_with(&create, &[("LOGIN_ISSUERS", "[]")], START).await.map(drop).unwrap();
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "login_audience" && detail.contains(ciba_local::login_issuer::AUDIENCE), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_that_nobody_can_ask_and_nobody_can_be_told() {
    let deployment = Deployment::start().await;
    let names = async || {
        let findings = deployment.findings(&[], START).await;
        findings.into_iter().map(|(check, _)| check).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["clients", "people"]);
    deployment.json(&CREATE).await;
    assert_eq!(names().await, ["people"]);
    deployment.json(&["person", "create", "--sub", "bob", "--login-value", "bob"]).await;
    assert_eq!(names().await, ["people"], "without a channel");
    deployment.json(&ALICE).await;
    assert_eq!(names().await, [""; 0]);
    deployment.json(&["client", "disable", "kiosk"]).await;
    deployment.json(&["person", "disable", "alice"]).await;
    assert_eq!(names().await, ["clients", "people"], "neither is active");
}

/// CAUTH-4-13, FCIBA-18: clients of before the settings changed.
#[tokio::test]
async fn the_doctor_finds_clients_that_cannot_authenticate_here() {
    let deployment = sound().await;
    let issuer = deployment.published.discovery.lock().unwrap()["issuer"].as_str().unwrap().to_owned();
    let all = [MTLS_URL, MTLS_AUTHORITIES];
    for (id, method, metadata) in [
        ("by-name", "tls_client_auth", r#"{"tls_client_auth_subject_dn": "CN=Till 7"}"#),
        ("by-certificate", "self_signed_tls_client_auth", r#"{"jwks_uri": "https://bank.example/keys"}"#),
        ("bound", "client_secret_basic", r#"{"tls_client_certificate_bound_access_tokens": true}"#),
    ] {
        let create = ["client", "create", "--client-name", "Till", "--client-id", id, "--metadata", metadata];
        let create = [&create[..], &["--token-endpoint-auth-method", method]].concat();
        deployment.run_with(&create, &all, START).await.map(drop).unwrap();
    }
    deployment.publish_with(&issuer, &all).await;
    assert_eq!(deployment.findings(&all, START).await, []);
    deployment.publish_with(&issuer, &all[..1]).await;
    let (check, detail) = deployment.finding(&all[..1], START).await;
    assert_eq!(check, "authentication");
    assert!(
        detail.starts_with("by-name: ") && detail.ends_with("set MTLS_AUTHORITIES, as deployed"),
        "{detail}"
    );
    deployment.publish(&issuer).await;
    let (check, detail) = deployment.finding(&[], START).await;
    let are_named = ["by-name: ", "by-certificate: ", "bound: "].iter().all(|id| detail.contains(id));
    assert!(check == "authentication" && are_named && !detail.contains("kiosk"), "{detail}");

    // A disabled client is meant to be refused everywhere.
    for id in ["by-name", "by-certificate", "bound"] {
        deployment.json(&["client", "disable", id]).await;
    }
    assert_eq!(deployment.findings(&[], START).await, []);
    deployment.publish_with(&issuer, &[FAPI]).await;
    let (check, detail) = deployment.finding(&[FAPI], START).await;
    assert!(check == "authentication" && detail.starts_with("kiosk: its profile"), "{detail}");

    let mut seen = Vec::new();
    let looked = deployment.table.for_each_active_client(1000, |it| seen.push(it.id.as_str().to_owned()));
    assert_eq!((looked.await.unwrap(), seen), (true, vec!["kiosk".to_owned()]));
    assert!(!deployment.table.for_each_active_client(1, |_| {}).await.unwrap(), "not the whole table");
}

/// DynamoDB returns a megabyte at a time, and what is searched for may come last.
#[tokio::test]
async fn the_doctor_reads_every_page_of_the_table_up_to_its_limit() {
    let deployment = Deployment::start().await;
    for n in 0..8 {
        let put = deployment.dynamodb.client().put_item().table_name(TABLE);
        let put = put.item("pk", AttributeValue::S(format!("{}evidence#{n}", if n < 4 { "a" } else { "z" })));
        let put = put.item("sk", AttributeValue::S("decision".to_owned()));
        put.item("blob", AttributeValue::B(Blob::new(vec![0; 390_000]))).send().await.unwrap();
    }
    let all = deployment.table.find_any(1000).await.unwrap();
    assert!(all.is_complete && !all.active_client && !all.reachable_person, "{all:?}");
    deployment.json(&CREATE).await;
    deployment.json(&ALICE).await;
    assert_eq!(deployment.findings(&[], START).await, []);
    let first = deployment.table.find_any(1).await.unwrap();
    assert!(!first.is_complete, "{first:?}");
}

/// A wrong one does not contain the issuer.
#[tokio::test]
async fn the_doctor_warns_of_an_unset_domain_and_finds_a_wrong_one() {
    let deployment = sound().await;
    let output = deployment.run_with(&["doctor"], &[("RP_ID", "")], START).await.unwrap();
    assert!(output.is_clean && output.text.contains("warning  passkeys"), "{}", output.text);
    let checks = output.json["checks"].as_array().unwrap();
    let passkeys = checks.iter().find(|check| check["check"] == "passkeys").unwrap();
    assert_eq!(passkeys["outcome"], "warning");
    assert!(passkeys["remedy"].as_str().unwrap().contains("RpId"));
    let (check, detail) = deployment.finding(&[("RP_ID", "example.com")], START).await;
    assert!(check == "settings" && detail.contains("RP_ID"), "{detail}");
}

/// Changing the domain loses every passkey.
#[tokio::test]
async fn the_doctor_finds_passkeys_of_another_domain() {
    let deployment = sound().await;
    let put = |id: &str, rp_id: &str| {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = deployment.dynamodb.client().put_item().table_name(TABLE).item("pk", text("user#x"));
        put.item("sk", text(&format!("passkey#{id}"))).item("rp_id", text(rp_id)).send()
    };
    put("a", "localhost").await.unwrap();
    assert_eq!(deployment.findings(&[], START).await, []);
    // The record of its enrollment begins with the passkey's name, and has no domain of its own.
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put_item = deployment.dynamodb.client().put_item().table_name(TABLE);
    let record = put_item.item("pk", text("enrolment#x")).item("sk", text("passkey#a#1"));
    record.item("document", text("{}")).send().await.unwrap();
    assert_eq!(deployment.findings(&[], START).await, []);
    put("b", "old.example").await.unwrap();
    for rp_id in ["localhost", ""] {
        let (check, detail) = deployment.finding(&[("RP_ID", rp_id)], START).await;
        let named = ["old.example", "localhost"].iter().any(|it| detail.contains(it));
        assert!(check == "passkeys" && named, "{detail}");
    }
}

/// TOK-12-05
#[tokio::test]
async fn the_doctor_asks_kms_for_signing_keys_except_withdrawn_ones() {
    let deployment = sound().await;
    let settings = [("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")];
    let emergency = ["key", "rotate", "--emergency", "--confirm", "--use", "signing", "--alg", "ES256"];
    deployment.run_with(&emergency, &settings, START).await.unwrap();
    let issuer = deployment.published.discovery.lock().unwrap()["issuer"].as_str().unwrap().to_owned();
    deployment.publish(&issuer).await;
    assert_eq!(deployment.findings(&[], START).await, []);
    let output = deployment.run(&["doctor"]).await.unwrap();
    for said in ["signing-ES256 key 2 is current, in KMS", "in KMS, is available"] {
        assert!(output.text.contains(said), "{}", output.text);
    }
    deployment.kms.fail_next(Failure::Disabled);
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "kms" && detail.contains("DisabledException"), "{detail}");
}

/// HYG-5-03: a client that requires passkeys wants to show something by them afterwards.
#[tokio::test]
async fn the_doctor_warns_of_passkeys_without_a_witness() {
    let deployment = sound().await;
    let outcome = async |settings: &[(&str, &str)]| {
        let output = deployment.run_with(&["doctor"], settings, START).await.unwrap();
        let checks = output.json["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == "witness").unwrap()["outcome"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(outcome(&[]).await, "ok", "nobody relies on passkeys");
    let bank = ["client", "create", "--client-id", "bank", "--client-name", "Bank", "--require-passkey"];
    deployment.json(&bank).await;
    let evidence = ("EVIDENCE_KEY_ID", "alias/ciba-evidence");
    let enrollment = ("ENROLLMENT_KEY_ID", "alias/ciba-enrollment");
    assert_eq!(outcome(&[]).await, "warning");
    assert_eq!(outcome(&[evidence]).await, "warning", "inserted passkeys count");
    assert_eq!(outcome(&[evidence, enrollment]).await, "ok");
    assert_eq!(outcome(&[evidence, ("ENROLLMENT_KEY_ID", "alias/other")]).await, "fault");
    assert_eq!(outcome(&[evidence, ("ENROLLMENT_KEY_ID", "alias/ciba")]).await, "fault", "it signs nothing");
}
