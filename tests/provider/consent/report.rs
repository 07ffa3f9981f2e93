//! "This wasn't me": it denies, blocks the client, and ends what the client got.

use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::json;

use super::person::Signed;
use super::{refusal, refused};
use crate::operator::done;

/// ATK-1-04
#[tokio::test]
async fn a_report_denies_and_the_client_asks_this_person_no_more() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut phone, ("report", ""), at(1.0)).await;
    let answer = signed.send(&provider, &key, at(1.0)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"request": key, "decision": "reported"})));
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
    // Days later, when every cool-down is over.
    assert_eq!(provider.ask(&[], at(900_000.0)).await.refusal(), (403, "access_denied"));
    let others = provider.ask_as("kiosk", &[("login_hint", "bob")], at(900_000.0)).await;
    assert_eq!(others.status, 200, "other people are asked as before");
}

/// ATK-1-10
#[tokio::test]
async fn a_report_ends_what_the_client_got_before() {
    let provider = Provider::start().await;
    let metadata = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(metadata).await.expect("kiosk");
    let (auth_req_id, key) = provider.asked(&[("scope", "openid offline_access")], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    let (_, next) = provider.asked(&[], at(6.0)).await;
    let reported = provider.decide("alice", &next, json!({"decision": "report"}), at(7.0)).await;
    assert_eq!((reported.status, reported.text("decision")), (200, "reported"));

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
    assert_eq!(provider.call(&provider.token, &refresh, at(8.0)).await.refusal(), (400, "invalid_grant"));
    let body = form(&[("token", tokens.text("access_token"))]);
    let introspect = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &body);
    let found = provider.call(&provider.introspection, &introspect, at(8.0)).await;
    assert_eq!(found.body, json!({"active": false}));
}

/// Whoever notices too late what they approved.
#[tokio::test]
async fn what_was_approved_can_still_be_reported_and_brings_no_tokens() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    provider.approve(&key, at(1.0)).await;
    for _ in 0..2 {
        let reported = provider.decide("alice", &key, json!({"decision": "report"}), at(2.0)).await;
        assert_eq!((reported.status, reported.text("decision")), (200, "reported"), "twice is once");
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 400);
    let evidence = provider.items_under("evidence#").await;
    let mut kinds: Vec<_> = evidence.iter().map(|item| item["sk"].as_str().expect("sk")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["decision", "report"], "both are kept");
}

/// ATK-1-04: the person's word counts each time that it is given, whatever an operator did meanwhile.
#[tokio::test]
async fn a_report_after_an_operator_lifted_the_block_blocks_again() {
    for first in ["approve", "report"] {
        let provider = Provider::start().await;
        let (_, key) = provider.asked(&[], at(0.0)).await;
        let decided = provider.decide("alice", &key, json!({ "decision": first }), at(1.0)).await;
        assert_eq!(decided.status, 200, "{decided:?}");
        for n in 1..=3 {
            let (now, day) = (at(f64::from(n) * 90_000.0), at(f64::from(n) * 90_000.0 + 10.0));
            for _ in 0..2 {
                let reported = provider.decide("alice", &key, json!({"decision": "report"}), now).await;
                assert_eq!((reported.status, reported.text("decision")), (200, "reported"), "{first} {n}");
            }
            assert_eq!(provider.ask(&[], now).await.refusal(), (403, "access_denied"), "{first} {n}");
            done(&provider, &["person", "unblock", "--sub", "alice", "--client", "kiosk"], day).await;
        }
        let evidence = provider.items_under("evidence#").await;
        let mut kinds: Vec<_> =
            evidence.iter().map(|item| item["sk"].as_str().expect("sk").to_owned()).collect();
        kinds.sort_unstable();
        let lifted = |n: i32| format!("report#{}", at(f64::from(n) * 90_000.0 + 10.0).millis());
        let once = if first == "approve" {
            vec!["decision".to_owned(), "report".to_owned()]
        } else {
            vec!["decision".to_owned()]
        };
        let again = [1, 2].map(lifted);
        assert_eq!(kinds, [once, again.into()].concat(), "each that blocked is kept");
    }
}

/// Having the link is enough to decline, and for no more.
#[tokio::test]
async fn a_report_needs_proof() {
    let provider = Provider::start().await;
    let mut bobs = provider.enroll_passkey("bob", at(-90_000.0)).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &key, &mut bobs, ("report", ""), at(1.0)).await;
    let answer = refused(&provider, signed.send(&provider, &key, at(1.0))).await;
    assert_eq!(answer, refusal(403, "passkey_not_accepted"));
    let unsigned = Signed { body: json!({"client_id": "kiosk", "decision": "report"}) };
    assert_eq!(
        refused(&provider, unsigned.send(&provider, &key, at(1.0))).await,
        refusal(401, "invalid_token")
    );
    let by_bob = provider.decide("bob", &key, json!({"decision": "report"}), at(1.0));
    assert_eq!(refused(&provider, by_bob).await, refusal(404, "not_found"));
    assert_eq!(provider.ask(&[], at(2.0)).await.status, 200);
}
