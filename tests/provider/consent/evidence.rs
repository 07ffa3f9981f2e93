//! What is kept of a decision, for whoever has to account for it.

use aws_sdk_dynamodb::types::AttributeValue;
use ciba::domain::request::evidence::{Evidence, KeptProof, Outcome, digest_of};
use ciba::domain::request::evidence_document::Document;
use ciba::domain::request::statement::Statement;
use ciba::verify::evidence::verify;
use ciba_tests::{Provider, at, basic, form, form_request, json_request};
use serde_json::{Value, json};

use super::person::approve;

const DAY: i64 = 24 * 60 * 60;

/// The one evidence item.
async fn item(provider: &Provider) -> Value {
    let mut items = provider.items_under("evidence#").await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

/// The decision in it, opened.
async fn evidence(provider: &Provider) -> Value {
    provider.decision().await
}

/// `alice`'s key: what her request names.
async fn person(provider: &Provider) -> Value {
    provider.items_under("request#").await[0]["person"].clone()
}

async fn decide(provider: &Provider, request: &str, token: &str, body: Value) -> u16 {
    let path = format!("/consent/{request}/decision");
    let request = json_request("POST", &path, Some(token), &body.to_string());
    provider.call(&provider.consent, &request, at(7.0)).await.status
}

/// HYG-5-03
#[tokio::test]
async fn an_approval_leaves_who_decided_what_on_which_proof() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[("scope", "openid profile email")], at(0.0)).await;
    let auth_time = at(4.0).seconds();
    let token = provider.login_token("alice", at(7.0), json!({"auth_time": auth_time, "jti": "login-7"}));
    let body = json!({"client_id": "kiosk", "decision": "approve", "scope": "openid email"});
    assert_eq!(decide(&provider, &request, &token, body).await, 200);
    let expected = json!({
        "request": request,
        "client_id": "kiosk",
        "person": person(&provider).await,
        "decision": "approved",
        "scope": "openid email",
        "at": at(7.0).millis(),
        "kept_until": at(7.0).seconds() + 400 * DAY,
        "proof": {
            "kind": "login_token",
            "issuer": provider.login.issuer(),
            "jti": "login-7",
            "authentication": {"auth_time": at(4.0).millis(), "acr": "urn:example:acr:mfa", "amr": ["pwd", "otp"]},
        },
    });
    assert_eq!(evidence(&provider).await, expected);
    let item = item(&provider).await;
    assert_eq!(item["pk"], format!("evidence#{request}"));
    assert_eq!(
        (&item["sk"], &item["ttl"]),
        (&json!("decision"), &json!((at(7.0).seconds() + 400 * DAY).to_string()))
    );
}

/// HYG-5-03: who, about which client, when and what stands in clear, and is filed under it; all else is sealed.
#[tokio::test]
async fn what_says_more_about_the_person_is_sealed() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[("scope", "openid profile")], at(0.0)).await;
    let token = provider.login_token("alice", at(7.0), json!({"jti": "login-7"}));
    let body = json!({"client_id": "kiosk", "decision": "approve"});
    assert_eq!(decide(&provider, &request, &token, body).await, 200);
    let item = item(&provider).await;
    let document: Value = serde_json::from_str(item["document"].as_str().expect("a document")).expect("JSON");
    let person = person(&provider).await;
    let expected = json!({
        "version": 2, "kind": "decision", "request": request, "client_id": "kiosk", "person": person,
        "chain": document["chain"], "sequence": 1, "previous": null, "at": at(7.0).millis(),
        "kept_until": at(7.0).seconds() + 400 * DAY, "decision": "approved", "scope": "openid profile",
        "proof": "login_token", "sealed": document["sealed"], "commitment": document["commitment"],
    });
    assert_eq!(document, expected);
    assert_eq!(
        (&item["person"], &item["client_id"], &item["day"]),
        (&person, &json!("kiosk"), &json!("2027-01-15"))
    );
    assert!(!document.to_string().contains("login-7") && !document.to_string().contains("mfa"));
    assert_eq!(item["digest"], digest_of(item["document"].as_str().expect("a document")));

    // Without the person's key nobody opens it, and the document is what it was.
    let text = item["document"].as_str().expect("a document");
    let document = Document::decode(text).expect("evidence");
    assert!(provider.opened(&document).await.is_some());
    assert!(provider.table.delete_personal_key(&provider.person("alice")).await.expect("the table"));
    assert!(provider.opened(&document).await.is_none(), "erased");
    assert!(!provider.table.delete_personal_key(&provider.person("alice")).await.expect("the table"));
    // What comes later is kept under a new key, which does not bring the old one back.
    let (_, next) = provider.asked(&[], at(100.0)).await;
    provider.approve(&next, at(101.0)).await;
    assert!(provider.opened(&document).await.is_none(), "for good");
    let items = provider.items_under("evidence#").await;
    let next = items.iter().find(|item| item["pk"] == format!("evidence#{next}")).expect("evidence");
    assert_eq!(provider.decision_in(next).await.scope, "openid profile");
}

/// HYG-5-03: each person's documents are numbered by themselves, whatever they are evidence of.
#[tokio::test]
async fn the_documents_of_a_person_are_numbered_and_linked() {
    let provider = Provider::start().await;
    for (n, (sub, word)) in
        [("alice", "deny"), ("bob", "approve"), ("alice", "approve"), ("alice", "report")].iter().enumerate()
    {
        let now = n as f64 * 1000.0;
        let (_, request) = provider.asked(&[("login_hint", sub)], at(now)).await;
        let answer = provider.decide(sub, &request, json!({"decision": word}), at(now + 1.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let mut documents: Vec<_> = provider.items_under("evidence#").await;
    documents
        .sort_by_key(|item| Document::decode(item["document"].as_str().unwrap()).map(|document| document.at));
    let read = |item: &Value| Document::decode(item["document"].as_str().unwrap()).unwrap();
    let [one, bobs, two, three] = &documents[..] else { panic!("{documents:?}") };
    let numbers = [one, bobs, two, three].map(|item| (read(item).sequence, read(item).previous));
    let digest = |item: &Value| Some(item["digest"].as_str().unwrap().to_owned());
    assert_eq!(numbers, [(1, None), (1, None), (2, digest(one)), (3, digest(two))]);
    assert_eq!(read(one).chain, read(three).chain);
    assert_ne!(read(one).chain, read(bobs).chain);
    // And each is a line of the log that names nobody.
    let lines = provider.eavesdropper.lines("evidence");
    let heads: Vec<_> =
        lines.iter().map(|line| (line["sequence"].as_u64(), line["digest"].clone())).collect();
    let expected = [(1, one), (1, bobs), (2, two), (3, three)];
    assert_eq!(heads, expected.map(|(number, item)| (Some(number), item["digest"].clone())));
    for line in lines {
        let names: Vec<_> = line.as_object().expect("fields").keys().map(String::as_str).collect();
        assert_eq!(names, ["chain", "digest", "event", "kept_until", "level", "sequence", "timestamp"]);
    }
}

/// HYG-5-03
#[tokio::test]
async fn a_denial_leaves_evidence_of_what_was_denied() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let token = provider.login_token("alice", at(7.0), json!({"jti": null}));
    assert_eq!(
        decide(&provider, &request, &token, json!({"client_id": "kiosk", "decision": "deny"})).await,
        200
    );
    let evidence = evidence(&provider).await;
    assert_eq!((&evidence["decision"], &evidence["scope"]), (&json!("denied"), &json!("openid profile")));
    assert_eq!(evidence["person"], person(&provider).await);
    assert_eq!(evidence["proof"].get("jti"), None, "the token had none");
}

#[tokio::test]
async fn evidence_is_kept_as_long_as_the_operator_says() {
    let provider = Provider::with(&[("EVIDENCE_RETENTION_DAYS", "30")]).await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(7.0)).await;
    let end = at(7.0).seconds() + 30 * DAY;
    assert_eq!(item(&provider).await["ttl"], end.to_string());
    assert_eq!(evidence(&provider).await["kept_until"], end);
}

#[tokio::test]
async fn evidence_stays_as_it_is_when_the_request_is_redeemed() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let before = item(&provider).await;
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    assert_eq!(item(&provider).await, before);
}

/// Whatever the table holds of `needle`, in text or bytes, at any depth.
fn holds(value: &AttributeValue, needle: &[u8]) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    value.as_s().is_ok_and(|text| contains(text.as_bytes()))
        || value.as_b().is_ok_and(|bytes| contains(bytes.as_ref()))
        || value.as_l().is_ok_and(|list| list.iter().any(|value| holds(value, needle)))
        || value.as_m().is_ok_and(|map| map.values().any(|value| holds(value, needle)))
}

/// HYG-2-03, HYG-5-01, CAUTH-2-08
#[tokio::test]
async fn no_token_no_handle_and_no_secret_is_ever_in_the_table() {
    let provider = Provider::start().await;
    let secret = "the-tellers-own-secret-of-40-characters!";
    provider.register(json!({"client_id": "teller", "client_secret": secret})).await.unwrap();
    let call = async |path: &str, parameters: &[(&str, &str)], now| {
        let request = form_request(path, Some(&basic("teller", secret)), &form(parameters));
        match path {
            "/oauth/token" => provider.call(&provider.token, &request, now).await,
            _ => provider.call(&provider.backchannel_authentication, &request, now).await,
        }
    };
    let asked = call("/bc-authorize", &[("scope", "openid"), ("login_hint", "alice")], at(0.0)).await;
    let auth_req_id = asked.text("auth_req_id");
    let request = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();
    let token = provider.login_token("alice", at(7.0), json!({}));
    assert_eq!(
        decide(&provider, &request, &token, json!({"client_id": "teller", "decision": "approve"})).await,
        200
    );
    let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
    let tokens = call("/oauth/token", &parameters, at(8.0)).await;

    let mut needles = vec![secret, auth_req_id];
    for token in [&token, tokens.text("access_token"), tokens.text("id_token")] {
        needles.extend(token.split('.').skip(1));
    }
    let scan = provider.dynamodb.client().scan().table_name(&provider.dynamodb.table).send().await.unwrap();
    let values: Vec<_> = scan.items().iter().flat_map(|item| item.values()).collect();
    assert!(values.iter().any(|value| holds(value, b"City Kiosk")), "the search finds what is there");
    for needle in needles {
        assert!(!values.iter().any(|value| holds(value, needle.as_bytes())), "{needle}");
    }
}

/// A decision signed by a passkey, and what is kept of it, as version 1 had it: document, digest and end.
async fn signed(provider: &Provider) -> (String, String, i64) {
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let asked = [("scope", "openid profile email"), ("binding_message", "K7-2931")];
    let (_, request) = provider.asked(&asked, at(0.0)).await;
    let answer = approve(provider, &request, &mut phone, "openid email", at(3.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let evidence = provider.decision_in(&item(provider).await).await;
    (evidence.encode(), digest_of(&evidence.encode()), evidence.kept_until)
}

/// HYG-5-03, ATK-1-08
#[tokio::test]
async fn passkey_evidence_verifies_long_after_the_request_is_swept() {
    let provider = Provider::start().await;
    let (document, digest, ttl) = signed(&provider).await;
    provider.sweep(at(300.0 * 86_400.0)).await;
    assert_eq!(provider.items_under("request#").await.len(), 0, "swept");
    assert_eq!(signed_text(&provider).await, document);
    let evidence = verify(&document, &digest, ttl).expect("whole");
    assert_eq!((evidence.decision, evidence.scope.as_str()), (Outcome::Approved, "openid email"));
    let KeptProof::Passkey(signed) = &evidence.proof else { panic!("{evidence:?}") };
    let statement = Statement::decode(&signed.statement).expect("a statement");
    assert_eq!(statement.binding_message.as_deref(), Some("K7-2931"));
    assert_eq!(
        (statement.language.as_str(), statement.template.as_str()),
        ("en", ciba::page::TEMPLATE_VERSION)
    );
    assert!(statement.scope.iter().any(|shown| shown.value == "email" && shown.words.contains("email")));
    provider.sweep(at(401.0 * 86_400.0)).await;
    assert_eq!(provider.items_under("evidence#").await.len(), 0, "at its own time");
}

async fn signed_text(provider: &Provider) -> String {
    provider.decision_in(&item(provider).await).await.encode()
}

#[tokio::test]
async fn one_changed_byte_of_evidence_is_found() {
    let provider = Provider::start().await;
    let (document, digest, ttl) = signed(&provider).await;
    verify(&document, &digest, ttl).expect("whole");
    for at in 0..document.len() {
        let mut bytes = document.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(verify(&changed, &digest, ttl).is_err(), "byte {at} of the document");
    }
    for at in 0..digest.len() {
        let mut bytes = digest.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(
            verify(&document, &String::from_utf8(bytes).unwrap(), ttl).is_err(),
            "byte {at} of the digest"
        );
    }
    assert!(verify(&document, &digest, ttl + 1).is_err(), "the end of its keeping");
}

/// Who can write the table can make the digest anew, but not the person's signature.
#[tokio::test]
async fn rewritten_evidence_is_exposed_by_its_signature() {
    let provider = Provider::start().await;
    let (document, _, ttl) = signed(&provider).await;
    let original: Value = serde_json::from_str(&document).unwrap();
    let statement: Value = serde_json::from_str(original["proof"]["statement"].as_str().unwrap()).unwrap();
    let rewritten = |change: &dyn Fn(&mut Value)| {
        let mut changed = original.clone();
        change(&mut changed);
        // As the program writes it, so that nothing but the content is wrong.
        let text = serde_json::from_value::<Evidence>(changed).expect("evidence").encode();
        verify(&text, &digest_of(&text), ttl)
    };
    assert!(rewritten(&|_| ()).is_ok(), "nothing changed, nothing found");
    for member in ["request", "client_id", "person"] {
        assert!(rewritten(&|all| all[member] = json!("other")).is_err(), "{member}");
    }
    for (member, value) in [
        ("scope", "openid profile email"),
        ("scope", "openid"),
        ("decision", "denied"),
        ("decision", "reported"),
    ] {
        assert!(rewritten(&|all| all[member] = json!(value)).is_err(), "{member}: {value}");
    }
    assert!(rewritten(&|all| all["at"] = json!(at(-1.0).millis())).is_err(), "before it was asked");
    for member in ["authenticator_data", "client_data", "signature", "rp_id", "origin", "scope"] {
        let value = original["proof"][member].as_str().expect(member);
        let (first, rest) = value.split_at(1);
        let other = format!("{}{rest}", if first == "A" { "B" } else { "A" });
        assert!(rewritten(&|all| all["proof"][member] = json!(other)).is_err(), "{member}");
    }
    for member in statement.as_object().unwrap().keys() {
        let mut changed = statement.clone();
        let value = &statement[member];
        changed[member] = match (value.as_str(), value.as_i64()) {
            (Some(text), _) => json!(format!("{text}x")),
            (None, Some(number)) => json!(number - 1),
            (None, None) if member == "resources" => json!(["https://api.example"]),
            (None, None) => json!([]),
        };
        let text = serde_json::from_value::<Statement>(changed).unwrap().encode();
        assert!(rewritten(&|all| all["proof"]["statement"] = json!(text)).is_err(), "{member}");
    }
    let authentication = json!({"auth_time": at(3.0).millis(), "acr": "phrh", "amr": ["hwk", "user"]});
    assert!(
        rewritten(&|all| all["proof"]["authentication"] = authentication.clone()).is_err(),
        "a better class"
    );
    let link = json!({"kind": "link"});
    assert!(rewritten(&|all| all["proof"] = link.clone()).is_err(), "a link approves nothing");
    // Another key, which signed the same: of somebody else.
    let other = Provider::start().await;
    let (others, ..) = self::signed(&other).await;
    let others: Value = serde_json::from_str(&others).unwrap();
    assert!(rewritten(&|all| all["proof"]["passkey"] = others["proof"]["passkey"].clone()).is_err());
}
