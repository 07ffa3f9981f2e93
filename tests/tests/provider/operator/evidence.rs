//! `evidence show` and `evidence verify`, a year after the decision.

use ciba::config::Environment;
use ciba::domain::evidence::{RequestEvidence, digest_of};
use ciba::http::serve;
use ciba_admin::arguments::Arguments;
use ciba_admin::{Output, run};
use ciba_tests::{Provider, at};
use clap::Parser;
use serde_json::{Value, json};

use super::{done, refused};
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
    for part in ["approved", "kiosk", "openid profile", "a login token", "2027-01-15 08:00:03Z"] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    let output = done(&provider, &["evidence", "show", &denied], at(YEAR)).await;
    assert!(output.text.contains("denied"), "{}", output.text);
    let said = refused(&provider, &["evidence", "show", &"A".repeat(22)], at(YEAR)).await;
    assert!(said.contains("no evidence"), "{said}");
}

/// HYG-5-03
#[tokio::test]
async fn evidence_is_verified_from_the_table_and_from_a_file_alone() {
    let provider = Provider::start().await;
    let [approved, _] = decided(&provider).await;
    let output = done(&provider, &["evidence", "verify", &approved], at(YEAR)).await;
    let entry = json!({"kind": "decision", "proves": "approved", "why": null});
    let expected = json!({"request": approved, "verified": true, "evidence": [entry]});
    assert_eq!((output.is_clean, &output.json), (true, &expected));
    let exported = done(&provider, &["evidence", "show", &approved], at(YEAR)).await.json;
    let output = verify_offline(&exported).await;
    assert_eq!((output.is_clean, &output.json), (true, &expected));

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
        assert!(!output.is_clean && output.text.contains("NOT whole"), "{member}: {}", output.text);
    }
    let mut other = exported.clone();
    other["request"] = json!("A".repeat(22));
    assert!(!verify_offline(&other).await.is_clean, "of another request");
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn a_signed_request_is_shown_and_verified_when_it_is_gone() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let jwt = stand.request(json!({"login_hint": "alice"}));
    assert_eq!(stand.ask(&jwt, at(1.0)).await.status, 200);
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    provider.sweep(at(YEAR)).await;
    let output = done(provider, &["evidence", "show", &request], at(YEAR)).await;
    for part in ["signed request", "kiosk", "ES256", "one", "2027-01-15 08:00:01Z"] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    let signature = jwt.rsplit('.').next().expect("a signature");
    assert!(!output.text.contains(signature), "what it names is for whoever asks for the document");
    let verified = json!({"request": request, "verified": true,
        "evidence": [{"kind": "request", "proves": "requested", "why": null}]});
    let output = done(provider, &["evidence", "verify", &request], at(YEAR)).await;
    assert_eq!((output.is_clean, &output.json), (true, &verified));
    let exported = done(provider, &["evidence", "show", &request], at(YEAR)).await.json;
    assert!(exported["evidence"][0]["document"].as_str().expect("a document").contains(&jwt));
    assert_eq!(verify_offline(&exported).await.json, verified);

    // Rewritten with a new digest: the signature tells.
    let document: Value =
        serde_json::from_str(exported["evidence"][0]["document"].as_str().unwrap()).unwrap();
    let forged = stand.signed_by(&Key::es256("one"), json!({"login_hint": "bob"}));
    for (what, text) in [
        ("another request", document.to_string().replace(&jwt, &forged)),
        ("another client", document.to_string().replace("\"kiosk\"", "\"till\"")),
        ("another member", document.to_string().replacen('{', "{\"more\":1,", 1)),
    ] {
        let ordered: RequestEvidence = match serde_json::from_str(&text) {
            Ok(evidence) => evidence,
            Err(_) => {
                let mut other = exported.clone();
                other["evidence"][0]["digest"] = json!(digest_of(&text));
                other["evidence"][0]["document"] = json!(text);
                assert!(!verify_offline(&other).await.is_clean, "{what}");
                continue;
            }
        };
        let text = ordered.encode();
        let mut other = exported.clone();
        other["evidence"][0]["digest"] = json!(digest_of(&text));
        other["evidence"][0]["document"] = json!(text);
        assert!(!verify_offline(&other).await.is_clean, "{what}");
    }
}
