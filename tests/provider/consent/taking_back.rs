//! "This was a mistake": it ends an approval, or the wait after a denial, for whoever proves to be the person.

use ciba::aws::Aws;
use ciba::config::{Issuer, TokenSettings};
use ciba::domain::base::confirmation::Confirmation;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::auth_req_id::AuthReqId;
use ciba::domain::request::evidence::digest_of;
use ciba::flows::tokens::issue_tokens::IssueTokens;
use ciba::flows::tokens::redeem::{NotRedeemed, PresentedHandle, Redeem};
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::error::Refusal;
use ciba::protocol::token::TokenError;
use ciba::verify::evidence::verify;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request, request};
use serde_json::{Value, json};

use super::person::{Signed, approve, decline, field, open};
use super::{refusal, refused, without_effect};
use crate::authorization_details::payment;

async fn take_back(provider: &Provider, key: &str, seconds: f64) -> Answer {
    provider.decide("alice", key, json!({"decision": "take_back"}), at(seconds)).await
}

fn is_taken_back(answer: &Answer, key: &str) {
    assert_eq!((answer.status, &answer.body), (200, &json!({"request": key, "decision": "taken_back"})));
}

async fn kinds(provider: &Provider) -> Vec<String> {
    let evidence = provider.items_under("evidence#").await;
    let mut kinds: Vec<_> = evidence.iter().map(|it| it["sk"].as_str().expect("sk").to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

async fn is_active(provider: &Provider, token: &str, seconds: f64) -> bool {
    let introspect =
        form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &form(&[("token", token)]));
    let answer = provider.call(&provider.introspection, &introspect, at(seconds)).await;
    answer.body["active"] == json!(true)
}

/// CIBA-11-03, ATK-4-07
#[tokio::test]
async fn an_approval_taken_back_in_time_brings_no_tokens() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    is_taken_back(&take_back(&provider, &key, 2.0).await, &key);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
    assert_eq!(kinds(&provider).await, ["decision", "taken_back"]);
    let again = without_effect(&provider, take_back(&provider, &key, 6.0)).await;
    is_taken_back(&again, &key);
    // It is no denial: the client may ask again at once.
    assert_eq!(provider.ask(&[], at(7.0)).await.status, 200);
}

/// CIBA-11-03: a client whose poll loses the race against the person is told so, and not that its handle is wrong.
#[tokio::test]
async fn a_poll_that_loses_against_taking_back_is_denied() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    let read =
        provider.table.find_request(&RequestKey::parse(&key).unwrap()).await.unwrap().expect("a request");
    is_taken_back(&take_back(&provider, &key, 2.0).await, &key);

    let env = provider.environment();
    let keys = KeyRings::new(provider.table.clone(), Kms::connect(&Aws::read(&env).unwrap()));
    let (issuer, settings) = (Issuer::read(&env).unwrap(), TokenSettings::read(&env).unwrap());
    let invocation = provider.invocation(at(3.0));
    let issuing = IssueTokens { keys: &keys, issuer: &issuer, settings: &settings, invocation: &invocation };
    let presented = PresentedHandle {
        client: &read.client,
        auth_req_id: &AuthReqId::sealed(auth_req_id),
        resources: &[],
        confirmation: Confirmation::NOTHING,
    };
    let redeemed = Redeem { table: &provider.table, issuing }.redeem(&read, &presented).await;
    let Err(refused @ NotRedeemed::TakenBack) = redeemed else { panic!("redeemed, or refused otherwise") };
    let refusal: Refusal<TokenError> = refused.into();
    assert!(matches!(refusal.error, TokenError::AccessDenied));
}

/// TOK-12-01, ATK-1-10: also long after the request itself and its details are deleted.
#[tokio::test]
async fn an_approval_taken_back_later_ends_all_access() {
    for seconds in [6.0, 200_000.0] {
        let provider = Provider::start().await;
        provider.put_detail_type(&payment()).await;
        let metadata = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
            "authorization_details_types": ["payment"],
            "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
        provider.register(metadata).await.expect("kiosk");
        let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
        let asked = [
            ("scope", "openid offline_access"),
            ("binding_message", "K7-2931"),
            ("authorization_details", &*details.to_string()),
        ];
        let (auth_req_id, key) = provider.asked(&asked, at(0.0)).await;
        let body = json!({"decision": "approve", "authorization_details": details});
        assert_eq!(provider.decide("alice", &key, body, at(1.0)).await.status, 200);
        let tokens = provider.poll(&auth_req_id, at(5.0)).await;
        provider.sweep(at(seconds)).await;
        let is_swept = provider.items_under("request#").await.iter().all(|item| item["sk"] != "detail");
        assert_eq!(is_swept, seconds > 600.0);
        assert!(is_active(&provider, tokens.text("refresh_token"), seconds).await);
        is_taken_back(&take_back(&provider, &key, seconds).await, &key);
        for token in ["access_token", "refresh_token"] {
            assert!(!is_active(&provider, tokens.text(token), seconds + 1.0).await, "{token} {seconds}");
        }
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
        let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
        let refreshed = provider.call(&provider.token, &refresh, at(seconds + 1.0)).await;
        assert_eq!(refreshed.refusal(), (400, "invalid_grant"), "{seconds}");
        assert_eq!(kinds(&provider).await, ["decision", "taken_back"]);
        let again = without_effect(&provider, take_back(&provider, &key, seconds + 2.0)).await;
        is_taken_back(&again, &key);
    }
}

/// ATK-1-05: proven to be the person, not with the link alone.
#[tokio::test]
async fn a_denial_taken_back_no_longer_makes_the_client_wait() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let token = field(&open(&provider, &key, at(1.0)).await, "form_token");
    assert_eq!(decline(&provider, &key, &token, &[], at(1.0)).await.status, 200);
    assert_eq!(provider.ask(&[], at(2.0)).await.refusal(), (403, "access_denied"));

    let by_link = form(&[("decision", "take_back"), ("form_token", &token)]).into_bytes();
    let headers = [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
    let by_link = request("POST", &format!("/consent/{key}/decision"), &headers, by_link);
    let answer = without_effect(&provider, provider.call(&provider.consent, &by_link, at(2.0))).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert_eq!(provider.ask(&[], at(2.0)).await.refusal(), (403, "access_denied"));

    is_taken_back(&take_back(&provider, &key, 3.0).await, &key);
    assert_eq!(kinds(&provider).await, ["decision", "taken_back"]);
    is_taken_back(&without_effect(&provider, take_back(&provider, &key, 4.0)).await, &key);
    assert_eq!(
        provider.poll(&auth_req_id, at(5.0)).await.refusal(),
        (400, "access_denied"),
        "it stays denied"
    );
    let (_, next) = provider.asked(&[], at(6.0)).await;
    // The next denial is a first one, and taking the old one back again does not lift its wait.
    provider.decide("alice", &next, json!({"decision": "deny"}), at(7.0)).await;
    assert_eq!(refused(&provider, take_back(&provider, &key, 8.0)).await, refusal(409, "not_open"));
    assert_eq!(provider.ask(&[], at(9.0)).await.refusal(), (403, "access_denied"));
    assert_eq!(provider.ask(&[], at(7.0 + 15.0 * 60.0)).await.status, 200);
}

/// ATK-1-04: whoever makes the person take it back could ask again.
#[tokio::test]
async fn a_report_is_not_taken_back() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    provider.decide("alice", &key, json!({"decision": "report"}), at(1.0)).await;
    assert_eq!(refused(&provider, take_back(&provider, &key, 2.0)).await, refusal(409, "not_open"));
    assert_eq!(provider.ask(&[], at(900_000.0)).await.refusal(), (403, "access_denied"));
}

/// ATK-4-07
#[tokio::test]
async fn there_is_nothing_to_take_back_without_an_answer() {
    let provider = Provider::start().await;
    let (auth_req_id, pending) = provider.asked(&[], at(0.0)).await;
    assert_eq!(refused(&provider, take_back(&provider, &pending, 1.0)).await, refusal(409, "not_open"));
    provider.cancel_as("kiosk", &auth_req_id, at(2.0)).await;
    assert_eq!(refused(&provider, take_back(&provider, &pending, 3.0)).await, refusal(409, "not_open"));
    let (_, expired) = provider.asked(&[], at(4.0)).await;
    provider.approve(&expired, at(5.0)).await;
    assert_eq!(refused(&provider, take_back(&provider, &expired, 125.0)).await, refusal(409, "not_open"));
    // A grant whose last token has expired.
    let (collected, over) = provider.asked(&[], at(200.0)).await;
    provider.approve(&over, at(201.0)).await;
    assert_eq!(provider.poll(&collected, at(205.0)).await.status, 200);
    assert_eq!(refused(&provider, take_back(&provider, &over, 806.0)).await, refusal(409, "not_open"));
}

/// RP-2-04, HYG-1-08
#[tokio::test]
async fn only_the_person_takes_an_answer_back() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    let by_bob = provider.decide("bob", &key, json!({"decision": "take_back"}), at(2.0));
    assert_eq!(refused(&provider, by_bob).await, refusal(404, "not_found"));
    let unsigned = Signed { body: json!({"client_id": "kiosk", "decision": "take_back"}) };
    let answer = refused(&provider, unsigned.send(&provider, &key, at(2.0))).await;
    assert_eq!(answer, refusal(401, "invalid_token"));
    for (more, code) in [
        (json!({"scope": "openid"}), "invalid_request"),
        (json!({"client_id": "call-centre"}), "invalid_request"),
    ] {
        let mut body = json!({"decision": "take_back"});
        body.as_object_mut().expect("members").extend(more.as_object().expect("members").clone());
        let answer = refused(&provider, provider.decide("alice", &key, body, at(2.0))).await;
        assert_eq!(answer, refusal(400, code), "{more}");
    }
}

/// ATK-1-08, HYG-5-03: the receipt stays valid when the client has collected its tokens, and proves what was done.
#[tokio::test]
async fn a_passkey_takes_back_what_its_receipt_is_for() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let mut bobs = provider.enroll_passkey("bob", at(-90_000.0)).await;
    let asked = [("scope", "openid profile email"), ("binding_message", "K7-2931")];
    let (auth_req_id, key) = provider.asked(&asked, at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    assert_eq!(approve(&provider, &key, &mut phone, "openid email", at(1.0)).await.status, 200);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;

    let by_bob = Signed::taking_back(&page, &mut bobs);
    assert_eq!(refused(&provider, by_bob.send(&provider, &key, at(6.0))).await, refusal(409, "not_open"));
    let mut denied = Signed::taking_back(&page, &mut phone);
    denied.body["decision"] = json!("report");
    assert_eq!(refused(&provider, denied.send(&provider, &key, at(6.0))).await, refusal(409, "not_open"));
    let mut other_language = Signed::taking_back(&page, &mut phone);
    other_language.body["language"] = json!("de");
    let answer = refused(&provider, other_language.send(&provider, &key, at(6.0))).await;
    assert_eq!(answer, refusal(409, "not_open"));
    assert!(is_active(&provider, tokens.text("access_token"), 6.0).await);

    let signed = Signed::taking_back(&page, &mut phone);
    is_taken_back(&signed.send(&provider, &key, at(7.0)).await, &key);
    assert!(!is_active(&provider, tokens.text("access_token"), 8.0).await);
    let items = provider.items_under("evidence#").await;
    let item = items.iter().find(|item| item["sk"] == "taken_back").expect("its evidence");
    let evidence = provider.decision_in(item).await;
    let text = evidence.encode();
    verify(&text, &digest_of(&text), evidence.kept_until).expect("consistent");
    let read: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&read["decision"], &read["scope"]), (&json!("taken_back"), &json!("openid profile email")));
    let approved = text.replace("\"decision\":\"taken_back\"", "\"decision\":\"denied\"");
    verify(&approved, &digest_of(&approved), evidence.kept_until).expect_err("another decision was signed");
}

/// An app reads the receipt's digest together with the request.
#[tokio::test]
async fn an_app_is_told_what_to_sign() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[("binding_message", "K7-2931")], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    provider.approve(&key, at(1.0)).await;
    let read = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(2.0)).await;
    let receipt = read.body["statement"]["receipt"].as_str().expect("a digest");
    assert!(page.html.contains(&format!("data-receipt=\"{receipt}\"")), "{read:?}");
    is_taken_back(&Signed::taking_back(&page, &mut phone).send(&provider, &key, at(3.0)).await, &key);
    let after = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(4.0)).await;
    assert_eq!(after.body["state"], "cancelled");
}

/// ATK-1-10: otherwise the access would revive with the client.
#[tokio::test]
async fn access_of_a_disabled_client_is_taken_back_too() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    provider.register(json!({"client_id": "kiosk", "active": false})).await.expect("kiosk");
    is_taken_back(&take_back(&provider, &key, 6.0).await, &key);
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    assert!(!is_active(&provider, tokens.text("access_token"), 7.0).await);
}

/// An app reads what to sign, also when the details are deleted.
#[tokio::test]
async fn a_grant_is_read_when_its_details_are_gone() {
    let provider = Provider::start().await;
    provider.put_detail_type(&payment()).await;
    let metadata = json!({"client_id": "kiosk", "scope": "openid offline_access",
        "authorization_details_types": ["payment"],
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(metadata).await.expect("kiosk");
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let asked = [("scope", "openid offline_access"), ("authorization_details", &*details.to_string())];
    let (auth_req_id, key) = provider.asked(&asked, at(0.0)).await;
    let body = json!({"decision": "approve", "authorization_details": details});
    assert_eq!(provider.decide("alice", &key, body, at(1.0)).await.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    provider.sweep(at(200_000.0)).await;
    let read = provider.consent("alice", "GET", &format!("/consent/{key}"), "", at(200_000.0)).await;
    assert_eq!((read.status, &read.body["state"]), (200, &json!("redeemed")), "{read:?}");
    assert!(read.body["statement"]["receipt"].is_string());
}
