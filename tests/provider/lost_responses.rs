//! A response that is lost after a write was carried out changes no answer: the SDK repeats the call, and the
//! repeat is recognised by its `write_id` (or, of a transaction, by its client token).

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::authentication_request::{CancelledBy, Canceller};
use ciba::flows::asking::cancel_request::{CancelOutcome, cancel};
use ciba_local::proxy::Loss;
use ciba_local::sns::{Failure, Outcome};
use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

use crate::foreign_issuer::ForeignIssuer;
use crate::prover::{Prover, with_proof};

const LOSSES: [Loss; 3] = [Loss::Connection, Loss::InternalServerError, Loss::Silence];

#[tokio::test]
async fn of_the_insertion_leaves_one_request_and_one_ask() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        provider.proxy.lose_response("TransactWriteItems", 1, loss);
        let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
        assert_eq!(provider.items_under("request#").await.len(), 1);
        assert_eq!(provider.sns.messages().len(), 1);
        // Two more fit into the limit of three: the repeat was not counted.
        assert_eq!(provider.ask_as("call-centre", &[], at(1.0)).await.status, 401, "wrong method");
        provider.register(json!({"client_id": "teller"})).await.unwrap();
        assert_eq!(provider.ask_as("teller", &[], at(2.0)).await.status, 200);
        assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
        assert_eq!(provider.ask(&[], at(6.0)).await.status, 200);
        assert_eq!(provider.ask(&[], at(7.0)).await.refusal(), (403, "access_denied"));
    }
}

#[tokio::test]
async fn a_lost_superseding_insertion_keeps_the_newer_request() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (older, _) = provider.asked(&[], at(0.0)).await;
        provider.proxy.lose_response("TransactWriteItems", 1, loss);
        let (newer, _) = provider.asked(&[], at(1.0)).await;
        assert_eq!(provider.poll(&older, at(6.0)).await.refusal(), (400, "access_denied"));
        assert_eq!(provider.poll(&newer, at(6.0)).await.refusal(), (400, "authorization_pending"));
    }
}

/// ATK-3-05: the token is used once, and by whom it was used first.
#[tokio::test]
async fn of_a_replay_guard_leaves_the_request_acknowledged() {
    for loss in LOSSES {
        let hints = ForeignIssuer::start().await;
        let setting =
            json!([{"issuer": hints.issuer, "jwks_uri": hints.jwks_uri(), "algorithms": ["ES256"]}]);
        let provider = Provider::with(&[("HINT_ISSUERS", &setting.to_string())]).await;
        let claims = json!({"iss": hints.issuer, "aud": Provider::ISSUER, "iat": at(0.0).seconds(),
            "exp": at(60.0).seconds(), "jti": "1", "sub_id": {"format": "opaque", "id": "alice"}});
        let token = hints.signed_by(&hints.key, &claims);
        let body = form(&[("scope", "openid"), ("login_hint_token", &token)]);
        let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
        provider.proxy.lose_response("PutItem", 1, loss);
        let endpoint = &provider.backchannel_authentication;
        assert_eq!(provider.call(endpoint, &request, at(1.0)).await.status, 200);
        assert_eq!(provider.items_under("jti#").await.len(), 1);
        let again = provider.call(endpoint, &request, at(2.0)).await;
        assert_eq!(again.refusal(), (400, "invalid_request"));
    }
}

/// TOK-4-06: the proof is not taken for one that was used before.
#[tokio::test]
async fn of_the_guard_of_a_proof_leaves_the_poll_as_it_is() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
        let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &auth_req_id)];
        let poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
        let proof = Prover::new().proof("POST", "/oauth/token", at(5.0), json!({}));
        let poll = with_proof(poll, &proof);
        provider.proxy.lose_response("PutItem", 1, loss);
        let answer = provider.call(&provider.token, &poll, at(5.0)).await;
        assert_eq!(answer.refusal(), (400, "authorization_pending"));
        let again = provider.call(&provider.token, &poll, at(11.0)).await;
        assert_eq!(again.refusal(), (400, "invalid_dpop_proof"));
    }
}

#[tokio::test]
async fn of_the_withdrawal_leaves_no_request() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        provider.sns.fail_next(Failure::OptedOut);
        provider.proxy.lose_response("DeleteItem", 1, loss);
        assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), (403, "access_denied"));
        assert_eq!(provider.items_under("request#").await.len(), 0);
        assert!(provider.sns.attempts().iter().all(|message| message.outcome != Outcome::Accepted));
    }
}

#[tokio::test]
async fn of_a_poll_is_answered_as_pending_and_not_as_too_early() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
        provider.proxy.lose_response("UpdateItem", 1, loss);
        let answer = provider.poll(&auth_req_id, at(5.0)).await;
        assert_eq!((answer.refusal(), answer.retry_after()), ((400, "authorization_pending"), 5));
    }
}

#[tokio::test]
async fn of_a_slow_down_lengthens_the_interval_once() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
        // The first update finds that it is too soon; the second one lengthens the interval.
        provider.proxy.lose_response("UpdateItem", 2, loss);
        let answer = provider.poll(&auth_req_id, at(1.0)).await;
        assert_eq!((answer.refusal(), answer.retry_after()), ((400, "slow_down"), 9));
        let answer = provider.poll(&auth_req_id, at(10.0)).await;
        assert_eq!((answer.refusal(), answer.retry_after()), ((400, "authorization_pending"), 10));
    }
}

#[tokio::test]
async fn of_a_decision_leaves_one_decision_with_its_evidence() {
    for loss in LOSSES {
        for decision in ["approve", "deny"] {
            let provider = Provider::start().await;
            let (_, request) = provider.asked(&[], at(0.0)).await;
            provider.proxy.lose_response("TransactWriteItems", 1, loss);
            let answer = provider.decide("alice", &request, json!({ "decision": decision }), at(3.0)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let evidence = provider.items_under("evidence#").await;
            assert_eq!(evidence.len(), 1);
            let document: Value = serde_json::from_str(evidence[0]["document"].as_str().unwrap()).unwrap();
            assert_eq!(document["at"], at(3.0).millis());
        }
    }
}

#[tokio::test]
async fn of_taking_back_leaves_it_taken_back_once() {
    for loss in LOSSES {
        for is_collected in [false, true] {
            let provider = Provider::start().await;
            let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
            provider.approve(&request, at(1.0)).await;
            if is_collected {
                assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
            }
            provider.proxy.lose_response("TransactWriteItems", 1, loss);
            let answer = provider.decide("alice", &request, json!({"decision": "take_back"}), at(6.0)).await;
            assert_eq!((answer.status, answer.text("decision")), (200, "taken_back"), "{answer:?}");
            let evidence = provider.items_under("evidence#").await;
            assert_eq!(evidence.iter().filter(|item| item["sk"] == "taken_back").count(), 1);
            let expected = if is_collected { "invalid_grant" } else { "access_denied" };
            assert_eq!(provider.poll(&auth_req_id, at(10.0)).await.refusal(), (400, expected));
        }
    }
}

#[tokio::test]
async fn of_a_cancelling_is_told_as_done_and_not_as_done_before() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        let key = RequestKey::parse(&request).unwrap();
        provider.proxy.lose_response("UpdateItem", 1, loss);
        let cancel = async |now| {
            cancel(&provider.table, &key, Canceller::Operator, &provider.invocation(now)).await.unwrap()
        };
        assert_eq!(cancel(at(1.0)).await, CancelOutcome::Done);
        let already = CancelOutcome::Already { by: CancelledBy::Operator, at: at(1.0) };
        assert_eq!(cancel(at(2.0)).await, already);
        assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
    }
}

#[tokio::test]
async fn of_a_redemption_still_brings_the_tokens_once() {
    for loss in LOSSES {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        provider.approve(&request, at(3.0)).await;
        // The first update finds the approval; the second one redeems it.
        provider.proxy.lose_response("UpdateItem", 2, loss);
        let tokens = provider.poll(&auth_req_id, at(5.0)).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert!(!tokens.text("access_token").is_empty());
        assert_eq!(provider.poll(&auth_req_id, at(10.0)).await.refusal(), (400, "invalid_grant"));
    }
}

#[tokio::test]
async fn of_a_new_key_leaves_one_generation_that_works() {
    for (nth, loss) in (1..=3).flat_map(|nth| LOSSES.map(|loss| (nth, loss))) {
        let provider = Provider::empty(&[]).await;
        provider.proxy.lose_response("TransactWriteItems", nth, loss);
        let made = provider.key_rotation.run(&provider.invocation(at(0.0))).await.unwrap();
        assert_eq!(made["made"].as_array().unwrap().len(), 8, "{nth}: {made}");
        assert_eq!(provider.key_items().await.len(), 8);
        let again = provider.key_rotation.run(&provider.invocation(at(1.0))).await.unwrap();
        assert_eq!(again, json!({"made": []}));
    }
}
