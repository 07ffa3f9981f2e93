//! `evidence show` and `evidence verify`, a year after the decision.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::config::Environment;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::evidence::{RequestEvidence, SaltedText, digest_of};
use ciba::domain::request::evidence_document::Document;
use ciba::http::serve;
use ciba_admin::arguments::Arguments;
use ciba_admin::{Output, run};
use ciba_local::kms::Failure;
use ciba_tests::{Provider, at};
use clap::Parser;
use serde_json::{Value, json};

use super::{admin, done, refused};
use crate::consent::person::{Signed, approve, open};
use crate::foreign_issuer::Key;
use crate::signed_request::Stand;

const YEAR: f64 = 365.0 * 86_400.0;

/// A request that was approved, denied by its link, or approved by a login token; and swept.
async fn decided(provider: &Provider) -> [String; 2] {
    let (_, approved) = provider.asked(&[("binding_message", "K7-2931")], at(0.0)).await;
    provider.approve(&approved, at(3.0)).await;
    let (_, denied) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    provider.decide("bob", &denied, json!({"decision": "deny"}), at(3.0)).await;
    provider.sweep(at(YEAR)).await;
    assert_eq!(provider.items_under("request#").await.len(), 0);
    [approved, denied]
}

/// `evidence verify --file`, on a machine without any setting.
async fn verify_offline(exported: &Value) -> Output {
    let file = std::env::temp_dir().join(format!("ciba-evidence-{}.json", serve::initialisation().nonce()));
    std::fs::write(&file, exported.to_string()).expect("a file");
    let arguments = ["ciba-admin", "evidence", "verify", "--file", file.to_str().expect("a path")];
    let nowhere = Environment::of(Vec::<(String, String)>::new());
    let output = run(&Arguments::parse_from(arguments), &nowhere, at(YEAR), serve::random).await;
    std::fs::remove_file(&file).expect("the file");
    output.unwrap_or_else(|failure| panic!("{failure}"))
}

/// HYG-5-03
#[tokio::test]
async fn evidence_is_shown_in_words_when_the_request_is_gone() {
    let provider = Provider::start().await;
    let [approved, denied] = decided(&provider).await;
    let link = format!("https://id.example.com/consent/{approved}");
    let output = done(&provider, &["evidence", "show", &link], at(YEAR)).await;
    for part in ["approved", "kiosk", "openid profile", "1 of chain", "sealed", "2027-01-15 08:00:03Z"] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    assert!(!output.text.contains("a login token"), "{}", output.text);
    let output = done(&provider, &["evidence", "show", &link, "--open"], at(YEAR)).await;
    assert!(output.is_clean && output.text.contains("a login token"), "{}", output.text);
    let output = done(&provider, &["evidence", "show", &denied], at(YEAR)).await;
    assert!(output.text.contains("denied"), "{}", output.text);
    let said = refused(&provider, &["evidence", "show", &"A".repeat(22)], at(YEAR)).await;
    assert!(said.contains("no evidence"), "{said}");
}

/// HYG-5-03: both documents, and the passkey's signature in each.
#[tokio::test]
async fn an_answer_that_was_taken_back_has_evidence_of_its_own() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (auth_req_id, key) = provider.asked(&[("binding_message", "K7-2931")], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    assert_eq!(approve(&provider, &key, &mut phone, "openid", at(2.0)).await.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    let signed = Signed::taking_back(&page, &mut phone);
    assert_eq!(signed.send(&provider, &key, at(6.0)).await.status, 200);
    provider.sweep(at(YEAR)).await;
    let output = done(&provider, &["evidence", "verify", &key], at(YEAR)).await;
    assert!(output.is_clean, "{}", output.text);
    for kind in ["decision", "taken_back"] {
        assert!(output.text.contains(kind), "{kind}: {}", output.text);
    }
    let output = done(&provider, &["evidence", "show", &key, "--open"], at(YEAR)).await;
    assert!(output.text.contains("taken_back"), "{}", output.text);
}

/// HYG-5-03
#[tokio::test]
async fn evidence_is_verified_from_the_table_and_from_a_file_alone() {
    let provider = Provider::start().await;
    let [approved, _] = decided(&provider).await;
    let output = done(&provider, &["evidence", "verify", &approved], at(YEAR)).await;
    let entry = json!({"kind": "decision", "verdict": "verified", "says": "approved", "proves": "approved",
        "signature": "none", "not_proven": [], "why": null});
    let expected = json!({"request": approved, "verified": true, "evidence": [entry]});
    assert_eq!((output.is_clean, &output.json), (true, &expected));
    let exported = done(&provider, &["evidence", "show", &approved, "--open"], at(YEAR)).await.json;
    let output = verify_offline(&exported).await;
    assert_eq!((output.is_clean, &output.json["verified"]), (true, &Value::Null), "nobody gave the key");
    assert_eq!(output.json["evidence"][0]["verdict"], "consistent");

    for (member, changed) in [
        (
            "document",
            exported["evidence"][0]["document"].as_str().unwrap().replace("openid profile", "openid email"),
        ),
        ("digest", "A".repeat(43)),
    ] {
        let mut other = exported.clone();
        other["evidence"][0][member] = json!(changed);
        let output = verify_offline(&other).await;
        assert!(!output.is_clean && output.text.contains("NOT intact"), "{member}: {}", output.text);
    }
    let mut other = exported.clone();
    other["request"] = json!("A".repeat(22));
    assert!(!verify_offline(&other).await.is_clean, "of another request");
}

/// HYG-5-03: nobody signed this decision, so the commitment alone holds what was opened.
#[tokio::test]
async fn an_opened_decision_that_was_changed_is_found_in_a_file() {
    let provider = Provider::start().await;
    let [approved, _] = decided(&provider).await;
    let exported = done(&provider, &["evidence", "show", &approved, "--open"], at(YEAR)).await.json;
    assert!(verify_offline(&exported).await.is_clean);
    let opened = &exported["evidence"][0]["opened"];
    let text = opened["personal"].as_str().expect("what was opened");
    let issuer = provider.login.issuer();
    assert!(text.contains(issuer), "{text}");
    let salt = opened["salt"].as_str().expect("a salt");
    let other_salt = salt.replacen(|_| true, if salt.starts_with('A') { "B" } else { "A" }, 1);
    for (what, text, salt) in [
        ("another issuer", text.replace(issuer, "https://login.example"), salt),
        ("another salt", text.to_owned(), &*other_salt),
    ] {
        let mut other = exported.clone();
        other["evidence"][0]["opened"] = json!({ "personal": text, "salt": salt });
        let output = verify_offline(&other).await;
        assert!(!output.is_clean && output.text.contains("NOT intact"), "{what}: {}", output.text);
    }
}

/// What an operator finds a year after a signed request: its name, and what was signed.
async fn signed() -> (Stand, String, String) {
    let stand = Stand::new().await;
    let jwt = stand.request(json!({"login_hint": "alice"}));
    assert_eq!(stand.ask(&jwt, at(1.0)).await.status, 200);
    let message = stand.provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    stand.provider.sweep(at(YEAR)).await;
    stand.provider.kms.clear();
    (stand, request, jwt)
}

/// What `evidence verify` says of a signed request, and nothing else.
fn result(request: &str, verified: Value, (verdict, signature): (&str, &str), not_proven: &Value) -> Value {
    let is_verified = verdict == "verified";
    let why: Vec<_> =
        not_proven.as_array().expect("a list").iter().map(|why| why.as_str().expect("why")).collect();
    let entry = json!({"kind": "request", "verdict": verdict, "says": "requested",
        "proves": is_verified.then_some("requested"), "signature": signature, "not_proven": not_proven,
        "why": (!is_verified).then(|| why.join("; "))});
    json!({"request": request, "verified": verified, "evidence": [entry]})
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn a_signed_request_is_shown_and_verified_when_it_is_gone() {
    let (stand, request, jwt) = signed().await;
    let provider = &stand.provider;
    let output = done(provider, &["evidence", "show", &request], at(YEAR)).await;
    for part in ["signed request", "sealed", "kiosk", "ES256", "one", "2027-01-15 08:00:01Z"] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    let entry = &output.json["evidence"][0];
    assert_eq!((entry.get("opened"), entry.get("not_opened"), output.is_clean), (None, None, true));
    assert_eq!(provider.kms.calls(), [], "nothing is opened that nobody asked for");

    let output = done(provider, &["evidence", "show", &request, "--open"], at(YEAR)).await;
    let size = format!("{} bytes, opened", jwt.len());
    assert!(output.text.contains(&size), "{}", output.text);
    let signature = jwt.rsplit('.').next().expect("a signature");
    assert!(!output.text.contains(signature), "what it names is for whoever asks for JSON");
    let opened = &output.json["evidence"][0]["opened"];
    assert_eq!((&opened["request"], output.is_clean), (&json!(jwt), true));

    let offline = verify_offline(&output.json).await.json;
    let not_proven = &offline["evidence"][0]["not_proven"];
    assert_eq!(offline, result(&request, Value::Null, ("consistent", "right"), not_proven));
    assert_eq!(not_proven.as_array().map(Vec::len), Some(1), "the witness, whose key nobody gave");
    provider.kms.clear();
    let output = done(provider, &["evidence", "verify", &request], at(YEAR)).await;
    let verified = result(&request, json!(true), ("verified", "right"), &json!([]));
    assert_eq!((output.is_clean, &output.json), (true, &verified));
    assert!(output.text.contains("signed by the client's key"), "{}", output.text);
    let calls: Vec<_> = provider.kms.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["GetPublicKey", "GetPublicKey", "Decrypt"]);
}

/// CIBA-7.1.1-19: what was not looked at is neither right nor wrong. The report says so.
#[tokio::test]
async fn a_file_without_the_signed_request_is_verified_in_part() {
    let (stand, request, _) = signed().await;
    let exported = done(&stand.provider, &["evidence", "show", &request], at(YEAR)).await.json;
    let output = verify_offline(&exported).await;
    let not_proven = output.json["evidence"][0]["not_proven"].clone();
    let expected = result(&request, Value::Null, ("consistent", "sealed"), &not_proven);
    assert_eq!((output.is_clean, &output.json), (true, &expected));
    for said in [&not_proven.to_string(), &output.text] {
        assert!(said.contains("sealed") && said.contains("NOT checked"), "{said}");
    }
    assert!(!output.text.contains("verified"), "{}", output.text);

    for (member, changed) in
        [("digest", json!("A".repeat(43))), ("kept_until", json!(1)), ("kind", json!("report"))]
    {
        let mut other = exported.clone();
        other["evidence"][0][member] = changed;
        let output = verify_offline(&other).await;
        assert_eq!((output.is_clean, &output.json["verified"]), (false, &json!(false)), "{member}");
    }
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn what_was_opened_and_changed_is_found_in_a_file() {
    let (stand, request, jwt) = signed().await;
    let exported = done(&stand.provider, &["evidence", "show", &request, "--open"], at(YEAR)).await.json;
    assert!(verify_offline(&exported).await.is_clean);
    let salt = exported["evidence"][0]["opened"]["salt"].as_str().expect("a salt").to_owned();
    let forged = stand.signed_by(&Key::es256("one"), json!({"login_hint": "bob"}));
    let other_salt = salt.replacen(|_| true, if salt.starts_with('A') { "B" } else { "A" }, 1);
    for (what, text, salt) in [
        ("another request", &forged, &salt),
        ("another salt", &jwt, &other_salt),
        ("no salt", &jwt, &String::new()),
        ("no request", &String::new(), &salt),
    ] {
        let mut other = exported.clone();
        other["evidence"][0]["opened"] = json!({"request": text, "salt": salt});
        let output = verify_offline(&other).await;
        assert_eq!((output.is_clean, &output.json["verified"]), (false, &json!(false)), "{what}");
        assert!(output.text.contains("NOT intact"), "{what}: {}", output.text);
    }

    // Rewritten with a new digest: it is signed by another client, or is no evidence.
    let document = exported["evidence"][0]["document"].as_str().expect("a document");
    for (what, text) in [
        ("another client", document.replace("\"kiosk\"", "\"till\"")),
        ("another member", document.replacen('{', "{\"more\":1,", 1)),
    ] {
        assert_ne!(text, document, "{what}");
        let mut other = exported.clone();
        other["evidence"][0]["digest"] = json!(digest_of(&text));
        other["evidence"][0]["document"] = json!(text);
        assert!(!verify_offline(&other).await.is_clean, "{what}");
    }
}

/// CIBA-7.1.1-19: it is not verified.
#[tokio::test]
async fn without_kms_a_signed_request_is_shown_sealed() {
    let (stand, request, jwt) = signed().await;
    let provider = &stand.provider;
    provider.kms.fail_next(Failure::Disabled);
    let output = done(provider, &["evidence", "show", &request, "--open"], at(YEAR)).await;
    assert!(!output.is_clean, "not all was done");
    for part in ["kiosk", "ES256", "NOT opened", "DisabledException", "kms:Decrypt"] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    let entry = &output.json["evidence"][0];
    assert_eq!(entry["opened"], Value::Null);
    assert!(entry["not_opened"].as_str().expect("why").contains("kms:Decrypt"), "{entry}");
    assert!(!output.json.to_string().contains(&jwt));
    assert_eq!(verify_offline(&output.json).await.json["verified"], Value::Null, "the rest can be verified");

    provider.kms.fail_next(Failure::Disabled);
    let Err(failure) = admin(provider, &["evidence", "verify", &request], at(YEAR)).await else {
        panic!("verified without what was signed")
    };
    assert_eq!(failure.exit_code(), 3);
    assert!(failure.to_string().contains("kms:GetPublicKey"), "{failure}");
}

/// CIBA-7.1.1-19: evidence that is moved to another request tells nothing of what was signed.
#[tokio::test]
async fn what_was_sealed_for_another_request_is_not_opened() {
    let (stand, request, jwt) = signed().await;
    let provider = &stand.provider;
    let client = provider.dynamodb.client();
    let scan = client.scan().table_name(&provider.dynamodb.table).send().await.expect("the table");
    let is_evidence = |pk: &AttributeValue| pk.as_s().is_ok_and(|pk| pk.starts_with("evidence#"));
    let found = scan.items().iter().find(|item| is_evidence(&item["pk"]));
    let mut item = found.expect("evidence").clone();
    let other = "A".repeat(22);
    let document = item["document"].as_s().expect("a document").replace(&request, &other);
    item.extend([
        ("pk".to_owned(), AttributeValue::S(format!("evidence#{other}"))),
        ("digest".to_owned(), AttributeValue::S(digest_of(&document))),
        ("document".to_owned(), AttributeValue::S(document)),
    ]);
    let put = client.put_item().table_name(&provider.dynamodb.table).set_item(Some(item));
    put.send().await.expect("the table");

    let output = done(provider, &["evidence", "show", &other, "--open"], at(YEAR)).await;
    assert!(!output.is_clean && !output.json.to_string().contains(&jwt), "{}", output.text);
    let output = done(provider, &["evidence", "verify", &other], at(YEAR)).await;
    assert!(!output.is_clean && output.text.contains("NOT intact"), "{}", output.text);
    assert!(done(provider, &["evidence", "verify", &request], at(YEAR)).await.is_clean);
}

/// HYG-5-03: who may open nothing is shown what stands in clear, and verifies nothing without saying so.
#[tokio::test]
async fn evidence_of_a_decision_is_shown_sealed_without_kms() {
    let provider = Provider::start().await;
    let [approved, _] = decided(&provider).await;
    provider.kms.clear();
    assert!(done(&provider, &["evidence", "show", &approved], at(YEAR)).await.is_clean);
    assert_eq!(provider.kms.calls(), []);
    provider.kms.fail_next(Failure::Disabled);
    let output = done(&provider, &["evidence", "show", &approved, "--open"], at(YEAR)).await;
    assert!(!output.is_clean && output.text.contains("NOT opened"), "{}", output.text);
    provider.kms.fail_next(Failure::Disabled);
    let Err(failure) = admin(&provider, &["evidence", "verify", &approved], at(YEAR)).await else {
        panic!("verified without the witness")
    };
    assert_eq!(failure.exit_code(), 3);
    assert!(failure.to_string().contains("kms:GetPublicKey"), "{failure}");
}

/// CIBA-7.1.1-19, HYG-5-03: what an older version wrote is read as it was, and is consistent at best.
#[tokio::test]
async fn evidence_of_version_1_is_still_shown_and_compared() {
    let provider = Provider::start().await;
    let [approved, _] = decided(&provider).await;
    let item = provider.items_under(&format!("evidence#{approved}")).await.remove(0);
    let old = provider.decision_in(&item).await.encode();
    let (pk, sk) = (format!("evidence#{approved}"), "decision");
    provider.set_attribute(&pk, sk, "document", &old).await;
    provider.set_attribute(&pk, sk, "digest", &digest_of(&old)).await;
    let output = done(&provider, &["evidence", "show", &approved], at(YEAR)).await;
    assert!(output.text.contains("a login token") && output.text.contains("approved"), "{}", output.text);
    let output = done(&provider, &["evidence", "verify", &approved], at(YEAR)).await;
    assert_eq!((output.is_clean, &output.json["verified"]), (true, &Value::Null), "{}", output.text);
    assert!(output.text.contains("version 1, which has no witness"), "{}", output.text);
    provider.set_attribute(&pk, sk, "document", &old.replace("profile", "email")).await;
    assert!(!done(&provider, &["evidence", "verify", &approved], at(YEAR)).await.is_clean);

    // And a signed request, sealed under the data key.
    let (stand, request, jwt) = signed().await;
    let provider = &stand.provider;
    let item = provider.items_under(&format!("evidence#{request}")).await.remove(0);
    let document = Document::decode(item["document"].as_str().expect("a document")).expect("evidence");
    let raw = provider.opened(&document).await.expect("sealed for it");
    let old = RequestEvidence {
        request: request.clone(),
        client_id: document.client_id,
        person: document.person,
        at: document.at,
        kept_until: document.kept_until,
        sealed: sealed_as_before(provider, &request, &raw).await,
        commitment: document.commitment,
        alg: document.alg.expect("an algorithm"),
        key: document.key.expect("a key"),
    };
    let pk = format!("evidence#{request}");
    provider.set_attribute(&pk, "request", "document", &old.encode()).await;
    provider.set_attribute(&pk, "request", "digest", &digest_of(&old.encode())).await;
    let output = done(provider, &["evidence", "show", &request, "--open"], at(YEAR)).await;
    assert_eq!(output.json["evidence"][0]["opened"]["request"], jwt);
    let output = done(provider, &["evidence", "verify", &request], at(YEAR)).await;
    assert_eq!(output.json["evidence"][0]["signature"], "right", "{}", output.text);
    assert_eq!(output.json["verified"], Value::Null);
}

/// As decision 16 has it, written down once more.
async fn sealed_as_before(provider: &Provider, request: &str, raw: &SaltedText) -> String {
    let request = RequestKey::parse(request).expect("a name");
    let secret = provider.first_secret().await;
    let label: [&[u8]; 2] = [b"signed request", request.as_bytes()];
    let key = secret.expand(&label, &AES_256_GCM_SIV).expect("a key");
    let mut body = raw.to_bytes();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    LessSafeKey::new(UnboundKey::from(key))
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut body)
        .expect("sealed");
    URL_SAFE_NO_PAD.encode(body)
}
