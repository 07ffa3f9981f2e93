//! Evidence that the forger writes, changes, moves and removes.

use ciba::domain::base::secret::Secret;
use ciba::domain::request::evidence::{SaltedText, digest_of};
use ciba::domain::request::evidence_document::{Document, Personal};
use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{ALL, File, Forger, admin_with, approved, forged, heads, text, verdict, verify, verify_file};
use crate::signed_request::Stand;

/// HYG-5-03: the whole of what a verification can know.
#[tokio::test]
async fn evidence_is_verified_by_its_witness_and_the_enrollment() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    let output = verify(&provider, &request).await;
    let entry = json!({"kind": "decision", "verdict": "verified", "says": "approved", "proves": "approved",
        "signature": "right", "not_proven": [], "why": null});
    assert_eq!(output.json, json!({"request": request, "verified": true, "evidence": [entry]}));
    assert!(output.text.contains("decision: approved: verified"), "{}", output.text);
    let heads = File::of(&heads(&provider));
    let output =
        admin_with(&provider, &ALL, &["evidence", "verify", &request, "--heads", heads.path()]).await;
    assert_eq!(output.json["verified"], true);
}

/// HYG-5-03: each thing that is missing is named, and none of it is called verified.
#[tokio::test]
async fn without_a_witness_evidence_is_consistent_at_best() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    for (missing, said) in [
        ("EVIDENCE_KEY_ID", "its witness was not checked"),
        ("ENROLLMENT_KEY_ID", "the key with which enrollments are signed was not given"),
        ("RP_ID", "none were given to compare"),
        ("ISSUER", "none were given to compare"),
    ] {
        let settings: Vec<_> = ALL.into_iter().filter(|name| *name != missing).collect();
        let output = admin_with(&provider, &settings, &["evidence", "verify", &request]).await;
        assert_eq!(verdict(&output), ("consistent", json!([null, true])), "{missing}");
        assert!(
            output.text.contains(said) && !output.text.contains("verified"),
            "{missing}: {}",
            output.text
        );
    }
    // Where nothing signs it, not even all of that helps.
    let provider = Provider::with(&[("EVIDENCE_KEY_ID", "")]).await;
    let request = approved(&provider).await;
    let output = verify(&provider, &request).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])));
    assert!(output.text.contains("it has no witness"), "{}", output.text);
}

/// HYG-5-03: a decision by a login token and one by the link have the witness for their only signature.
#[tokio::test]
async fn a_decision_that_no_passkey_signed_is_verified_by_its_witness() {
    let provider = Provider::start().await;
    for word in ["approve", "deny"] {
        let (_, request) = provider.asked(&[("requested_expiry", "10")], at(0.0)).await;
        assert_eq!(provider.decide("alice", &request, json!({"decision": word}), at(1.0)).await.status, 200);
        let output = verify(&provider, &request).await;
        assert_eq!(verdict(&output), ("verified", json!([true, true])), "{word}");
        assert_eq!(output.json["evidence"][0]["signature"], "none");
        // Another outcome, with a new digest.
        let mut item = Forger(&provider).item(&format!("evidence#{request}"), "decision").await;
        let document = item["document"].as_s().unwrap().replace("openid profile", "openid email");
        item.insert("digest".to_owned(), text(&digest_of(&document)));
        item.insert("document".to_owned(), text(&document));
        Forger(&provider).put(item).await;
        assert_eq!(verdict(&verify(&provider, &request).await), ("flawed", json!([false, false])), "{word}");
    }
}

/// HYG-5-03: a key pair of one's own, another statement, the credential id of the person, a new digest.
#[tokio::test]
async fn a_statement_signed_by_a_key_of_the_forgers_own_is_found() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    let forger = Forger(&provider);
    let genuine = forger.item("evidence#", "decision").await;
    let item = provider.items_under("evidence#").await.remove(0);
    let evidence = forged(&provider.decision_in(&item).await);
    assert!(
        ciba::verify::evidence::verify(
            &evidence.encode(),
            &digest_of(&evidence.encode()),
            evidence.kept_until
        )
        .is_ok(),
        "it agrees with itself"
    );

    // As version 1, in which nothing is sealed and which has no witness.
    let mut old = genuine.clone();
    old.insert("document".to_owned(), text(&evidence.encode()));
    old.insert("digest".to_owned(), text(&digest_of(&evidence.encode())));
    for keeps_witness in [true, false] {
        if !keeps_witness {
            old.remove("witness");
        }
        forger.put(old.clone()).await;
        let output = verify(&provider, &request).await;
        assert_eq!(verdict(&output), ("flawed", json!([false, false])), "{}", output.text);
        assert!(output.text.contains("not the one that was enrolled"), "{}", output.text);
        // Not even without knowing of the enrollment is it called verified.
        let output = admin_with(&provider, &["RP_ID", "ISSUER"], &["evidence", "verify", &request]).await;
        assert_eq!(verdict(&output), ("consistent", json!([null, true])));
    }
    let enrollment = forger.item("enrolment#", "passkey#").await;
    forger.delete(&enrollment).await;
    let output = verify(&provider, &request).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])), "without the record of the enrollment");
    assert!(output.text.contains("there is no signed record of its enrollment"), "{}", output.text);
    // A record of the forger's own is none.
    let mut own = enrollment.clone();
    let thumbprint = ciba::verify::webauthn::thumbprint(&credential(&evidence)).expect("a key");
    let mut record: Value = serde_json::from_str(enrollment["document"].as_s().unwrap()).unwrap();
    record["thumbprint"] = json!(thumbprint);
    own.insert("document".to_owned(), text(&record.to_string()));
    forger.put(own).await;
    let output = verify(&provider, &request).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])), "{}", output.text);

    // As version 2, in a file that opens it: with no witness, and with that of the genuine document.
    forger.put(enrollment.clone()).await;
    let (document, opened) =
        document_of(&genuine["document"].as_s().unwrap().clone(), &evidence, &thumbprint);
    let keys = keys(&provider).await;
    for witness in [None, Some(genuine["witness"].as_s().unwrap().clone())] {
        let exported = json!({"request": request, "evidence": [{"kind": "decision", "document": document,
            "digest": digest_of(&document), "kept_until": evidence.kept_until, "witness": witness, "opened": opened}],
            "enrollments": [{"document": enrollment["document"].as_s().unwrap(), "witness": enrollment["witness"].as_s().unwrap()}]});
        let output = verify_file(&exported, &["--witness", keys.path(), "--rp-id", "localhost"]).await;
        assert_eq!(verdict(&output), ("flawed", json!([false, false])), "{witness:?}: {}", output.text);
        let output = verify_file(&exported, &[]).await;
        assert_eq!(output.json["verified"], Value::Null, "{}", output.text);
    }
}

fn credential(evidence: &ciba::domain::request::evidence::Evidence) -> String {
    let ciba::domain::request::evidence::KeptProof::Passkey(signed) = &evidence.proof else {
        panic!("{evidence:?}")
    };
    signed.passkey.credential.clone()
}

/// A document like `genuine` around other evidence, and what opens it.
fn document_of(
    genuine: &str,
    evidence: &ciba::domain::request::evidence::Evidence,
    thumbprint: &str,
) -> (String, Value) {
    let personal = Personal {
        authorization_details: evidence.authorization_details.clone(),
        request_context: evidence.request_context.clone(),
        proof: evidence.proof.clone(),
    };
    let salted = SaltedText::new([7; SaltedText::SALT], Secret::new(personal.encode()));
    let document = Document {
        commitment: salted.commitment(),
        thumbprint: Some(thumbprint.to_owned()),
        ..Document::decode(genuine).expect("evidence")
    };
    (document.encode(), json!({"personal": personal.encode(), "salt": salted.salt()}))
}

/// The public keys, as the operator keeps them elsewhere.
async fn keys(provider: &Provider) -> File {
    let output = admin_with(provider, &ALL, &["evidence", "witness"]).await;
    File::of(&output.json.to_string())
}

/// HYG-5-03: verified on a machine without table, network and KMS.
#[tokio::test]
async fn a_file_is_verified_with_the_public_keys_alone() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    let keys = keys(&provider).await;
    let exported = admin_with(&provider, &[], &["evidence", "show", &request, "--open"]).await.json;
    let all = ["--witness", keys.path(), "--rp-id", Provider::RP_ID, "--origin", Provider::ISSUER];
    assert_eq!(verdict(&verify_file(&exported, &all).await), ("verified", json!([true, true])));
    for (more, expected) in [
        (&["--witness", keys.path()][..], ("consistent", json!([null, true]))),
        (&["--rp-id", "localhost", "--origin", Provider::ISSUER], ("consistent", json!([null, true]))),
        (&["--rp-id", "evil.example"], ("flawed", json!([false, false]))),
        (&["--origin", "https://evil.example"], ("flawed", json!([false, false]))),
    ] {
        assert_eq!(verdict(&verify_file(&exported, more).await), expected, "{more:?}");
    }
    // Another deployment's keys.
    let other = Provider::start().await;
    let others = self::keys(&other).await;
    let output = verify_file(&exported, &["--witness", others.path()]).await;
    assert_eq!(verdict(&output), ("flawed", json!([false, false])));
    assert!(output.text.contains("its witness is not a signature of this document"), "{}", output.text);
    // Without what is sealed: what can be said of it is said, and what cannot be, too.
    let exported = admin_with(&provider, &[], &["evidence", "show", &request]).await.json;
    let output = verify_file(&exported, &all).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])));
    assert!(output.text.contains("NOT checked"), "{}", output.text);
}

/// HYG-5-03: a document belongs to one request and one person, and its witness to it.
#[tokio::test]
async fn evidence_that_is_moved_to_another_request_or_person_is_found() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    let (_, bobs) = provider.asked(&[("login_hint", "bob")], at(10.0)).await;
    provider.decide("bob", &bobs, json!({"decision": "approve"}), at(11.0)).await;
    let forger = Forger(&provider);
    let genuine = forger.item(&format!("evidence#{request}"), "decision").await;
    let other = forger.item(&format!("evidence#{bobs}"), "decision").await;

    let mut copied = genuine.clone();
    copied.insert("pk".to_owned(), other["pk"].clone());
    forger.put(copied).await;
    let output = verify(&provider, &bobs).await;
    assert_eq!(verdict(&output), ("flawed", json!([false, false])), "{}", output.text);

    // The same, rewritten so that it says that it is about that request, or about that person.
    let person = |item: &super::Item| item["person"].as_s().unwrap().clone();
    for (from, to, pk) in
        [(&request, &bobs, &other["pk"]), (&person(&genuine), &person(&other), &genuine["pk"])]
    {
        let document = genuine["document"].as_s().unwrap().replace(from.as_str(), to);
        let mut item = genuine.clone();
        item.insert("pk".to_owned(), pk.clone());
        item.insert("document".to_owned(), text(&document));
        item.insert("digest".to_owned(), text(&digest_of(&document)));
        for takes_witness_away in [false, true] {
            if takes_witness_away {
                item.remove("witness");
            }
            forger.put(item.clone()).await;
            let about = pk.as_s().unwrap().strip_prefix("evidence#").unwrap();
            let output = verify(&provider, about).await;
            assert_eq!(verdict(&output), ("flawed", json!([false, false])), "{to}: {}", output.text);
        }
    }
    // Filed as something else that happened.
    let mut item = genuine.clone();
    item.insert("sk".to_owned(), text("report"));
    forger.put(genuine).await;
    forger.put(item).await;
    let output = verify(&provider, &request).await;
    assert_eq!(output.json["evidence"][1]["why"], "its kind is not the one that it is filed under");
    assert!(!output.is_clean);
}

/// HYG-5-03: only where heads are kept outside the table, and the tool says so.
#[tokio::test]
async fn evidence_that_is_removed_or_reordered_is_found_by_heads() {
    let provider = Provider::start().await;
    let mut requests = Vec::new();
    for n in 0..3 {
        let now = f64::from(n) * 1000.0;
        let (_, request) = provider.asked(&[("binding_message", "K7")], at(now)).await;
        provider.approve(&request, at(now + 1.0)).await;
        requests.push(request);
    }
    let forger = Forger(&provider);
    let kept = File::of(&heads(&provider));
    let all = async |more: &[&str]| {
        admin_with(&provider, &ALL, &[&["evidence", "verify", "--all"], more].concat()).await
    };
    let with_heads = ["--heads", kept.path()];
    let output = all(&with_heads).await;
    let expected = json!({"complete": true, "documents": 3, "unwitnessed": 0, "without_head": 0, "flawed": [],
        "irregular": []});
    assert_eq!((output.is_clean, &output.json), (true, &expected), "{}", output.text);

    let mut items = Vec::new();
    for request in &requests {
        items.push(forger.item(&format!("evidence#{request}"), "decision").await);
    }
    // The last one leaves no gap, and one from the middle does.
    forger.delete(&items[2]).await;
    let output = all(&[]).await;
    assert!(output.is_clean && output.text.contains("was not compared with heads"), "{}", output.text);
    let output = all(&with_heads).await;
    assert!(
        !output.is_clean && output.text.contains("number 3 was stored, and has been removed"),
        "{}",
        output.text
    );
    forger.put(items[2].clone()).await;
    forger.delete(&items[1]).await;
    let output = all(&[]).await;
    assert!(!output.is_clean && output.text.contains("documents are missing"), "{}", output.text);
    forger.put(items[1].clone()).await;
    assert!(all(&with_heads).await.is_clean);

    // The chain is set back, and the function itself signs another number 3.
    let mut chain = forger.item("user#", "evidence").await;
    let second = Document::decode(items[1]["document"].as_s().unwrap()).unwrap();
    chain.insert("sequence".to_owned(), aws_sdk_dynamodb::types::AttributeValue::N("2".to_owned()));
    chain.insert("head".to_owned(), items[1]["digest"].clone());
    assert_eq!(second.sequence, 2);
    forger.put(chain).await;
    forger.delete(&items[2]).await;
    let (_, request) = provider.asked(&[], at(5000.0)).await;
    provider.approve(&request, at(5001.0)).await;
    assert!(all(&[]).await.is_clean, "the table alone does not tell");
    let output = all(&with_heads).await;
    assert!(!output.is_clean, "{}", output.text);
    let later = File::of(&heads(&provider));
    let one = ["evidence", "verify", &request, "--heads", later.path()];
    let output = admin_with(&provider, &ALL, &one).await;
    assert_eq!(verdict(&output), ("flawed", json!([false, false])), "two documents had that number");
}

/// CIBA-7.1.1-19: the same of what a client signed.
#[tokio::test]
async fn a_signed_request_is_verified_by_its_witness_and_no_less() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let output = verify(provider, &request).await;
    let entry = json!({"kind": "request", "verdict": "verified", "says": "requested", "proves": "requested",
        "signature": "right", "not_proven": [], "why": null});
    assert_eq!(output.json, json!({"request": request, "verified": true, "evidence": [entry]}));
    let output = admin_with(provider, &["ISSUER", "RP_ID"], &["evidence", "verify", &request]).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])));
    // Of another client, with a key of its own: found, with the old witness and without one.
    let forger = Forger(provider);
    let mut item = forger.item("evidence#", "request").await;
    let document = item["document"].as_s().unwrap().replace("\"kiosk\"", "\"till\"");
    item.insert("digest".to_owned(), text(&digest_of(&document)));
    item.insert("document".to_owned(), text(&document));
    for takes_witness_away in [false, true] {
        if takes_witness_away {
            item.remove("witness");
        }
        forger.put(item.clone()).await;
        assert_eq!(verdict(&verify(provider, &request).await), ("flawed", json!([false, false])));
    }
}

/// HYG-5-03: what is erased is gone, and the rest still has its witness.
#[tokio::test]
async fn erased_evidence_still_shows_that_it_was_not_changed() {
    let provider = Provider::start().await;
    let request = approved(&provider).await;
    let erase = ["evidence", "erase", "--sub", "alice"];
    let settings = ["ISSUER", "LOGIN_ISSUERS", "SMS_COUNTRIES"];
    let output = admin_with(&provider, &settings, &erase).await;
    assert_eq!(output.json, json!({"sub": "alice", "erased": false}));
    assert_eq!(verify(&provider, &request).await.json["verified"], true, "nothing was done");
    let output = admin_with(&provider, &settings, &[&erase[..], &["--confirm"]].concat()).await;
    assert_eq!(output.json, json!({"sub": "alice", "erased": true}));
    let output = verify(&provider, &request).await;
    assert_eq!(verdict(&output), ("consistent", json!([null, true])));
    assert_eq!(output.json["evidence"][0]["signature"], "erased");
    assert!(output.text.contains("its key was erased"), "{}", output.text);
    let output = admin_with(&provider, &[], &["evidence", "show", &request, "--open"]).await;
    assert!(output.text.contains("approved") && output.text.contains("NOT opened"), "{}", output.text);
    // Changed afterwards, it is found.
    let forger = Forger(&provider);
    let mut item = forger.item("evidence#", "decision").await;
    let document = item["document"].as_s().unwrap().replace("openid profile", "openid");
    item.insert("digest".to_owned(), text(&digest_of(&document)));
    item.insert("document".to_owned(), text(&document));
    forger.put(item).await;
    assert_eq!(verdict(&verify(&provider, &request).await), ("flawed", json!([false, false])));
}
