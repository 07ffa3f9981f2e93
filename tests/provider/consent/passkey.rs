//! Approving with a passkey: what was signed is what was shown, and nothing else is approved.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::person::passkey::PasskeyId;
use ciba::domain::person::ticket::TicketKind;
use ciba::domain::request::evidence::digest_of;
use ciba::verify::evidence::verify;
use ciba_tests::authenticator::{BACKED_UP, BACKUP_ELIGIBLE};
use ciba_tests::{Authenticator, Provider, at, json_request};
use serde_json::{Value, json};

use super::person::{Signed, approve, attribute, challenge, open};
use super::{refusal, refused, without_effect};

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

/// ATK-1-08, TOK-13-04, CIBA-7.1-12, FCIBA-09
#[tokio::test]
async fn an_approval_that_a_passkey_signed_brings_tokens_that_say_so() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let answer = approve(&provider, &key, &mut phone, "openid profile", at(3.0)).await;
    let expected = json!({"request": key, "decision": "approved", "scope": "openid profile"});
    assert_eq!((answer.status, &answer.body), (200, &expected), "{answer:?}");
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    let claims = claims(tokens.text("id_token"));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("phr"), &json!(["swk", "user"])));
    assert_eq!(claims["auth_time"], at(3.0).seconds(), "when the passkey signed");
}

/// ATK-8-05
#[tokio::test]
async fn what_was_left_out_on_the_page_is_not_granted() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (auth_req_id, key) = provider.asked(&[("scope", "openid profile email")], at(0.0)).await;
    let answer = approve(&provider, &key, &mut phone, "openid email", at(3.0)).await;
    assert_eq!(answer.body["scope"], "openid email");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.text("scope"), "openid email");
}

/// CIBA-8-03
#[tokio::test]
async fn another_persons_passkey_approves_nothing() {
    let provider = Provider::start().await;
    provider.enroll_passkey("alice", at(-90_000.0)).await;
    let mut bobs = provider.enroll_passkey("bob", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let approval = approve(&provider, &key, &mut bobs, "openid profile", at(3.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"));
    let mut nobodys = Authenticator::new();
    let approval = approve(&provider, &key, &mut nobodys, "openid profile", at(3.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"));
}

/// ATK-1-08: the scope, the decision, the client, the language and the request are part of what was signed.
#[tokio::test]
async fn what_was_signed_is_good_for_that_decision_only() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[("scope", "openid profile email")], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    for (member, value) in [
        ("scope", json!("openid profile email")),
        ("scope", json!("openid")),
        ("scope", Value::Null),
        ("decision", json!("report")),
        ("decision", json!("deny")),
        ("language", json!("de")),
    ] {
        let mut changed = signed.body.clone();
        changed[member] = value.clone();
        let sent = Signed { body: changed };
        let answer = refused(&provider, sent.send(&provider, &key, at(2.0))).await;
        assert_eq!(answer, refusal(403, "passkey_not_accepted"), "{member}: {value}");
    }
    let mut other_client = signed.body.clone();
    other_client["client_id"] = json!("call-centre");
    let answer = refused(&provider, Signed { body: other_client }.send(&provider, &key, at(2.0))).await;
    assert_eq!(answer, refusal(400, "invalid_request"));
    // The order of the scope is not part of the decision, but that of the page of the signature.
    let mut reordered = signed.body.clone();
    reordered["scope"] = json!("profile openid");
    assert_eq!(Signed { body: reordered }.send(&provider, &key, at(2.0)).await.status, 200);
}

/// ATK-1-08: whoever changes the record between page and decision finds that nobody signed that.
#[tokio::test]
async fn a_message_or_name_changed_since_the_page_was_not_signed() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[("binding_message", "Pay 10")], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    let pk = format!("request#{key}");
    provider.set_attribute(&pk, "request", "binding_message", "Pay 99").await;
    let answer = refused(&provider, signed.send(&provider, &key, at(2.0))).await;
    assert_eq!(answer, refusal(403, "passkey_not_accepted"));
    provider.set_attribute(&pk, "request", "binding_message", "Pay 10").await;
    provider.register(json!({"client_id": "kiosk", "client_name": "Other Kiosk"})).await.expect("kiosk");
    let answer = refused(&provider, signed.send(&provider, &key, at(2.0))).await;
    assert_eq!(answer, refusal(403, "passkey_not_accepted"));
}

#[tokio::test]
async fn an_assertion_is_good_for_one_request() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, first) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &first, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    assert_eq!(signed.send(&provider, &first, at(1.0)).await.status, 200);
    let (_, second) = provider.asked(&[], at(2.0)).await;
    let replayed = refused(&provider, signed.send(&provider, &second, at(3.0))).await;
    assert_eq!(replayed, refusal(403, "passkey_not_accepted"));
}

/// The answer to the first may have been lost. A passkey that counts shows that it was used; one that does not is told again.
#[tokio::test]
async fn the_same_assertion_again_changes_nothing() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    let first = signed.send(&provider, &key, at(1.0)).await;
    let again = without_effect(&provider, signed.send(&provider, &key, at(2.0))).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

/// WebAuthn §7.2: a counter that does not grow is a copy of the key. A counter that grows is accepted.
#[tokio::test]
async fn a_counter_that_went_back_approves_nothing() {
    let provider = Provider::start().await;
    let mut key_fob = Authenticator::new().bound_to_hardware();
    let ticket =
        provider.ticket("alice", ciba::domain::person::ticket::TicketKind::First, at(-90_000.0)).await;
    provider.follow_ticket(&ticket, &mut key_fob, None, at(-90_000.0)).await;
    for n in 0..2 {
        let (_, key) = provider.asked(&[], at(f64::from(n))).await;
        let answer = approve(&provider, &key, &mut key_fob, "openid profile", at(f64::from(n))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    key_fob.counter = 0;
    let (_, key) = provider.asked(&[], at(3.0)).await;
    let approval = approve(&provider, &key, &mut key_fob, "openid profile", at(4.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"));
}

/// A platform may begin to sync a key that was made before it did.
#[tokio::test]
async fn a_passkey_that_begins_to_be_synced_approves_and_is_recorded() {
    let provider = Provider::start().await;
    let mut phone = Authenticator::new().bound_to_hardware();
    phone.counts_by = 0;
    let ticket = provider.ticket("alice", TicketKind::First, at(-90_000.0)).await;
    provider.follow_ticket(&ticket, &mut phone, None, at(-90_000.0)).await;
    let person = provider.person("alice");
    let id = PasskeyId::of(&phone.credential_id);
    let eligible = async || {
        provider
            .table
            .find_passkey(&person, &id)
            .await
            .expect("an answer")
            .expect("a passkey")
            .backup_eligible
    };
    assert!(!eligible().await);
    phone.flags |= BACKUP_ELIGIBLE | BACKED_UP;
    for n in 0..2 {
        let (_, key) = provider.asked(&[], at(f64::from(n))).await;
        let answer = approve(&provider, &key, &mut phone, "openid profile", at(f64::from(n))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(eligible().await);
        let item = &provider.items_under(&format!("evidence#{key}")).await[0];
        let evidence = provider.decision_in(item).await;
        let text = evidence.encode();
        verify(&text, &digest_of(&text), evidence.kept_until).expect("evidence");
    }
    phone.flags &= !(BACKUP_ELIGIBLE | BACKED_UP);
    let (_, key) = provider.asked(&[], at(3.0)).await;
    let approval = approve(&provider, &key, &mut phone, "openid profile", at(4.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"));
}

/// With a signature that is none, nobody finds out what there is.
#[tokio::test]
async fn a_bad_signature_does_not_tell_closed_from_unknown() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, approved) = provider.asked(&[], at(0.0)).await;
    let signed =
        Signed::on_page(&provider, &approved, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    provider.approve(&approved, at(2.0)).await;
    let (_, expired) = provider.asked(&[("requested_expiry", "10")], at(3.0)).await;
    let mut bad = signed.body.clone();
    bad["passkey"]["response"]["signature"] = json!("AAAA");
    let mut answers = Vec::new();
    for key in [&approved, &expired, &"A".repeat(22)] {
        let answer =
            without_effect(&provider, Signed { body: bad.clone() }.send(&provider, key, at(20.0))).await;
        answers.push((answer.status, answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].1["error"], "not_open");
}

/// ATK-7-03: nor which client it was, whether its details were guessed, nor whether the person has blocked it.
#[tokio::test]
async fn without_proof_nobody_learns_what_became_of_a_request() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    let mut bobs = provider.enroll_passkey("bob", at(-90_000.0)).await;
    let mut keys = vec!["A".repeat(22)];
    for word in ["approve", "deny", "report"] {
        provider.register(json!({"client_id": word})).await.expect("a client");
        let answer = provider.ask_as(word, &[], at(0.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = provider.sns.messages().pop().expect("a message");
        keys.push(message.text.rsplit_once('/').expect("a link").1.to_owned());
        let decision = json!({"client_id": word, "decision": word});
        let decided = provider.decide("alice", keys.last().expect("a key"), decision, at(1.0)).await;
        assert_eq!(decided.status, 200, "{decided:?}");
    }
    let assertion = bobs.get(&[7; 32], "localhost", Provider::ISSUER);
    for client in ["kiosk", "approve", "deny", "report"] {
        for decision in ["approve", "deny", "report", "take_back"] {
            for details in [json!(null), json!([{"type": "payment"}])] {
                let mut answers = Vec::new();
                for key in &keys {
                    let body = json!({"client_id": client, "decision": decision, "language": "en",
                        "passkey": assertion, "authorization_details": details});
                    let sent = Signed { body };
                    let answer = without_effect(&provider, sent.send(&provider, key, at(2.0))).await;
                    answers.push((answer.status, answer.body));
                }
                answers.dedup();
                assert_eq!(answers.len(), 1, "{client} {decision}: {answers:?}");
            }
        }
    }
}

/// The API takes a signature too; a login token beside it has to be its person's.
#[tokio::test]
async fn a_login_token_beside_a_signature_must_be_of_its_person() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let view = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(1.0)).await;
    let statement = &view.body["statement"];
    assert_eq!((&statement["rp_id"], &statement["language"]), (&json!("localhost"), &json!("en")));
    assert_eq!(statement["shown"], attribute(&open(&provider, &key, at(1.0)).await, "data-shown"));
    let values: Vec<_> =
        statement["scopes"].as_array().expect("scopes").iter().map(|it| &it["value"]).collect();
    assert_eq!(values, ["openid", "profile"]);
    let shown = statement["shown"].as_str().expect("a digest");
    let passkey =
        phone.get(&challenge(shown, "openid profile", "approve"), Provider::RP_ID, Provider::ISSUER);
    let body = json!({"client_id": "kiosk", "decision": "approve", "passkey": passkey}).to_string();
    let path = format!("/consent/{key}/decision");
    for (who, expected) in [("bob", 404), ("alice", 200)] {
        let token = provider.login_token(who, at(2.0), json!({}));
        let sent = json_request("POST", &path, Some(&token), &body);
        assert_eq!(provider.call(&provider.consent, &sent, at(2.0)).await.status, expected, "{who}");
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    let sent = json_request("POST", &path, Some("no.login.token"), &body);
    assert_eq!(provider.call(&provider.consent, &sent, at(6.0)).await.status, 401, "a bad token spoils it");
}

/// The operator's own app has an origin of its own; the evidence says which it was.
#[tokio::test]
async fn an_app_enrols_and_approves_from_its_own_origin() {
    const APP: &str = "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0";
    for (setting, is_accepted) in [(format!("{APP} https://localhost"), true), (String::new(), false)] {
        let provider = Provider::with(&[("PASSKEY_ORIGINS", &setting)]).await;
        let mut app = Authenticator::new();
        let ticket = provider.ticket("alice", TicketKind::First, at(-90_000.0)).await;
        let options =
            provider.enrollment_page(&ticket, at(-90_000.0)).await.options("data-options").expect("options");
        let body = json!({ "registration": app.create(&options, APP) });
        let enrolled = provider.post_enrollment(&ticket, &body, at(-90_000.0)).await;
        assert_eq!(enrolled.status, if is_accepted { 200 } else { 403 }, "{enrolled:?}");
        if !is_accepted {
            provider.follow_ticket(&ticket, &mut app, None, at(-90_000.0)).await;
        }
        let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
        let view = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(1.0)).await;
        let shown = view.body["statement"]["shown"].as_str().expect("a digest").to_owned();
        let challenge = challenge(&shown, "openid profile", "approve");
        let body = json!({"client_id": "kiosk", "decision": "approve", "passkey": app.get(&challenge, Provider::RP_ID, APP)});
        let sent = json_request("POST", &format!("/consent/{key}/decision"), None, &body.to_string());
        let answer = provider.call(&provider.consent, &sent, at(2.0)).await;
        if is_accepted {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
            let item = &provider.items_under("evidence#").await[0];
            let evidence = provider.decision_in(item).await;
            let text = evidence.encode();
            verify(&text, &digest_of(&text), evidence.kept_until).expect("evidence");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(document["proof"]["origin"], APP);
        } else {
            assert_eq!(answer.refusal(), (403, "passkey_not_accepted"));
        }
    }
}

/// The policy of proof, by client.
#[tokio::test]
async fn a_client_that_requires_a_passkey_accepts_no_login_token() {
    let provider = Provider::start().await;
    provider.register(json!({"client_id": "kiosk", "require_passkey": true})).await.expect("kiosk");
    let mut phone = provider.enroll_passkey("alice", at(-1.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let view = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(1.0)).await;
    assert_eq!(view.body["proof"], "passkey");
    let approval = provider.decide("alice", &key, json!({"decision": "approve"}), at(1.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_required"));
    assert_eq!(approve(&provider, &key, &mut phone, "openid profile", at(2.0)).await.status, 200);
    let (_, key) = provider.asked(&[], at(3.0)).await;
    let denied = provider.decide("alice", &key, json!({"decision": "deny"}), at(4.0)).await;
    assert_eq!(denied.status, 200, "declining is always easier");
}

/// TOK-13-04: the policy of proof, by what the client asked for.
#[tokio::test]
async fn a_client_that_asks_for_phr_alone_gets_it_or_nothing() {
    let provider = Provider::start().await;
    for (values, status) in [("phr", 403), ("phrh phr", 403), ("phr urn:example:acr:mfa", 200)] {
        let (_, key) = provider.asked(&[("acr_values", values)], at(0.0)).await;
        let answer = provider.decide("alice", &key, json!({"decision": "approve"}), at(1.0)).await;
        assert_eq!(answer.status, status, "{values}");
    }
}

/// ATK-7-05: the policy of proof, by scope.
#[tokio::test]
async fn a_new_passkey_approves_nothing_high_risk_until_seasoned() {
    let provider = Provider::with(&[("PASSKEY_SEASONING_HOURS", "24")]).await;
    let metadata =
        json!({"client_id": "kiosk", "scope": "openid profile payments", "high_risk_scope": "payments"});
    provider.register(metadata).await.expect("kiosk");
    let mut phone = provider.enroll_passkey("alice", at(0.0)).await;
    let scope = [("scope", "openid profile payments")];
    let (_, key) = provider.asked(&scope, at(86_390.0)).await;
    let view = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(86_391.0)).await;
    assert_eq!(view.body["proof"], "seasoned_passkey");
    let by_token = provider.decide("alice", &key, json!({"decision": "approve"}), at(86_391.0));
    assert_eq!(refused(&provider, by_token).await, refusal(403, "passkey_required"));
    let too_new = approve(&provider, &key, &mut phone, "openid profile payments", at(86_399.0)).await;
    assert_eq!((too_new.status, &too_new.body["error"]), (403, &json!("passkey_too_new")));
    assert_eq!(too_new.body["usable_at"], at(86_400.0).seconds(), "{too_new:?}");
    let seasoned = approve(&provider, &key, &mut phone, "openid profile payments", at(86_400.0)).await;
    assert_eq!(seasoned.status, 200, "{seasoned:?}");
    let (_, key) = provider.asked(&scope, at(86_401.0)).await;
    let rest = json!({"decision": "approve", "scope": "openid profile"});
    assert_eq!(
        provider.decide("alice", &key, rest, at(86_402.0)).await.status,
        200,
        "without what is high-risk"
    );
}

#[tokio::test]
async fn a_high_risk_scope_is_part_of_the_clients() {
    let provider = Provider::start().await;
    for high_risk in ["payments", "openid", "openid profile", "\""] {
        let metadata = json!({"client_id": "x", "high_risk_scope": high_risk});
        let refused = provider.register(metadata).await.expect_err("a refusal");
        assert!(refused.contains("high_risk_scope"), "{refused}");
    }
}

#[tokio::test]
async fn where_there_are_no_passkeys_none_is_accepted() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    let mut settings = provider.environment_list();
    settings.retain(|(name, _)| name != "RP_ID");
    let without = consent::Consent::new(&provider.patient(settings)).expect("consent");
    let sent = json_request("POST", &format!("/consent/{key}/decision"), None, &signed.body.to_string());
    let answer = provider.call(&without, &sent, at(2.0)).await;
    assert_eq!(answer.refusal(), (403, "passkey_not_accepted"));
}

/// ATK-8-04
#[tokio::test]
async fn the_passkey_of_somebody_who_was_disabled_approves_nothing() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("approve", "openid profile"), at(1.0)).await;
    provider.table.set_person_active(&provider.person("alice"), false).await.expect("alice");
    assert_eq!(refused(&provider, signed.send(&provider, &key, at(2.0))).await, refusal(409, "not_open"));
}
