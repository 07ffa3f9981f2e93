//! What each step costs: calls of DynamoDB, and units where they are paid at every poll.

use ciba::domain::base::time::Timestamp;
use ciba::domain::person::ticket::TicketKind;
use ciba_local::proxy::{Call, Capacity};
use ciba_tests::{
    Answer, Authenticator, Provider, Receiver, SECRET, Settings, at, basic, form, form_request, request,
};
use serde_json::json;

use crate::authorization_details::payment;
use crate::client_assertion::{Stand, asserted};
use crate::consent::person::{Signed, open};
use crate::foreign_issuer::ForeignIssuer;
use crate::prover::{Prover, hash, with_proof};
use crate::signed_request;

const INDEX: &str = "pending-by-user";

/// A provider whose functions are warm: they know their keys and the client.
async fn warm() -> Provider {
    warm_with(&[]).await
}

async fn warm_with(settings: Settings<'_>) -> Provider {
    let provider = Provider::with(settings).await;
    let (auth_req_id, request) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    provider.decide("bob", &request, json!({"decision": "deny"}), at(1.0)).await;
    provider.poll(&auth_req_id, at(5.0)).await;
    provider.proxy.clear();
    provider
}

/// `kiosk` asks with this hint and no other.
async fn ask_with(provider: &Provider, parameter: &str, hint: &str, now: Timestamp) -> Answer {
    let body = form(&[("scope", "openid"), (parameter, hint)]);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    provider.call(&provider.backchannel_authentication, &request, now).await
}

/// The operations since the last look.
fn operations(provider: &Provider) -> Vec<Call> {
    let calls = provider.proxy.calls();
    provider.proxy.clear();
    calls
}

fn names(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

fn units(call: &Call) -> Capacity {
    call.capacity.clone().expect("consumed capacity")
}

#[tokio::test]
async fn a_request_costs_two_reads_and_one_transaction() {
    let provider = warm().await;
    provider.asked(&[("binding_message", "K7-2931")], at(10.0)).await;
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["GetItem", "BatchGetItem", "TransactWriteItems"]);
    // A transaction counts twice: the request and the asks, of less than 1 KB each.
    assert_eq!(units(&calls[2]).table, 4.0, "{calls:?}");
}

#[tokio::test]
async fn a_login_issuers_person_needs_no_hint_lookup() {
    let provider = warm().await;
    let hint = json!({"format": "iss_sub", "iss": provider.login.issuer(), "sub": "alice"}).to_string();
    provider.asked(&[("login_hint", &hint)], at(10.0)).await;
    assert_eq!(names(&operations(&provider)), ["BatchGetItem", "TransactWriteItems"]);
}

/// The keys are at hand, so an ID token costs no more than the `sub` in it.
#[tokio::test]
async fn an_id_token_hint_costs_the_same_as_a_login_hint() {
    let provider = warm().await;
    // Over by then, so that there is nothing to supersede.
    let (auth_req_id, request) = provider.asked(&[("requested_expiry", "10")], at(10.0)).await;
    provider.approve(&request, at(11.0)).await;
    let tokens = provider.poll(&auth_req_id, at(15.0)).await;
    provider.proxy.clear();
    let answer = ask_with(&provider, "id_token_hint", tokens.text("id_token"), at(21.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(names(&operations(&provider)), ["GetItem", "BatchGetItem", "TransactWriteItems"]);
}

/// ATK-3-05: the guard is the first write of the call.
#[tokio::test]
async fn a_hint_token_that_is_good_once_costs_one_write_more() {
    // The first read is for the issuer's keys, which this function has not fetched yet.
    let hints = ForeignIssuer::start().await;
    let of = |single_use: &str| {
        json!([{"issuer": hints.issuer, "jwks_uri": hints.jwks_uri(), "algorithms": ["ES256"],
            "single_use": single_use}])
    };
    let claims = json!({"iss": hints.issuer, "aud": Provider::ISSUER, "iat": at(0.0).seconds(),
        "exp": at(60.0).seconds(), "jti": "1", "sub_id": {"format": "opaque", "id": "alice"}});
    let token = hints.signed_by(&hints.key, &claims);
    for (single_use, expected) in [
        ("always", &["GetItem", "GetItem", "BatchGetItem", "PutItem", "TransactWriteItems"][..]),
        ("never", &["GetItem", "GetItem", "BatchGetItem", "TransactWriteItems"]),
    ] {
        let provider = warm_with(&[("HINT_ISSUERS", &of(single_use).to_string())]).await;
        assert_eq!(ask_with(&provider, "login_hint_token", &token, at(10.0)).await.status, 200);
        let calls = operations(&provider);
        assert_eq!(names(&calls), expected, "{single_use}");
        if single_use == "always" {
            assert_eq!(units(&calls[3]).table, 1.0);
        }
    }
}

/// CAUTH-3-10: the guard is the first write of the call, and the only thing that an assertion costs.
#[tokio::test]
async fn an_assertion_costs_one_write_more_at_each_call() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let assertion = |jti: &str| stand.assertion(json!({"jti": jti, "exp": at(300.0).seconds()}));
    stand.ask(&assertion("1"), at(1.0)).await;
    let poll = |jti: &str, id: &str| {
        let grant = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id)];
        asserted("/oauth/token", &assertion(jti), &grant)
    };
    provider.call(&provider.token, &poll("2", &"A".repeat(44)), at(1.0)).await;
    provider.proxy.clear();
    let asked = stand.ask(&assertion("3"), at(10.0)).await;
    let calls = operations(provider);
    assert_eq!(names(&calls), ["PutItem", "GetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_eq!(units(&calls[0]).table, 1.0, "{calls:?}");
    let answer = provider.call(&provider.token, &poll("4", asked.text("auth_req_id")), at(15.0)).await;
    assert_eq!(answer.refusal(), (400, "authorization_pending"));
    assert_eq!(names(&operations(provider)), ["PutItem", "UpdateItem"]);
}

/// CIBA-7.1.1-18, CIBA-7.1.1-19: the guard is one write, and the evidence is in the request's own transaction.
#[tokio::test]
async fn a_signed_request_costs_one_write_more() {
    let stand = signed_request::Stand::new().await;
    let provider = &stand.provider;
    stand.ask(&stand.request(json!({"jti": "1", "requested_expiry": 10})), at(1.0)).await;
    provider.proxy.clear();
    provider.kms.clear();
    assert_eq!(stand.ask(&stand.request(json!({"jti": "2"})), at(20.0)).await.status, 200);
    let calls = operations(provider);
    assert_eq!(names(&calls), ["GetItem", "BatchGetItem", "PutItem", "BatchGetItem", "TransactWriteItems"]);
    // Twice each: the request, the asks, two KB of evidence and how far it has come. DynamoDB Local says less of more than
    // two items.
    let written = if provider.dynamodb.is_embedded() { 10.0 } else { 8.0 };
    assert_eq!(units(&calls[4]).table, written, "{calls:?}");
    let asked: Vec<_> = provider.kms.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["Sign"], "its witness");
}

#[tokio::test]
async fn a_pending_poll_costs_one_write_unit_and_none_in_the_index() {
    let provider = warm().await;
    let message = "a".repeat(64);
    let (auth_req_id, _) = provider
        .asked(&[("binding_message", &message), ("acr_values", "urn:example:acr:mfa")], at(10.0))
        .await;
    provider.proxy.clear();
    provider.poll(&auth_req_id, at(15.0)).await;
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["UpdateItem"]);
    let units = units(&calls[0]);
    assert_eq!((units.table, units.indexes.get(INDEX).copied().unwrap_or_default()), (1.0, 0.0), "{units:?}");
}

#[tokio::test]
async fn a_poll_that_is_too_early_costs_two_writes() {
    let provider = warm().await;
    let (auth_req_id, _) = provider.asked(&[], at(10.0)).await;
    provider.proxy.clear();
    provider.poll(&auth_req_id, at(11.0)).await;
    assert_eq!(names(&operations(&provider)), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_decision_costs_one_read_and_one_transaction() {
    let provider = warm().await;
    let (_, request) = provider.asked(&[], at(10.0)).await;
    provider.proxy.clear();
    provider.kms.clear();
    provider.approve(&request, at(12.0)).await;
    assert_eq!(names(&operations(&provider)), ["BatchGetItem", "TransactWriteItems"]);
    let asked: Vec<_> = provider.kms.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["Sign"], "its witness");
}

/// HYG-5-03: without a witness nobody asks KMS.
#[tokio::test]
async fn a_decision_without_a_witness_costs_no_call_of_kms() {
    let provider = warm_with(&[("EVIDENCE_KEY_ID", "")]).await;
    let (_, request) = provider.asked(&[], at(10.0)).await;
    provider.kms.clear();
    provider.approve(&request, at(12.0)).await;
    assert_eq!(provider.kms.calls(), []);
}

/// Nothing on the page says whose request it is, so the request is read before its person.
#[tokio::test]
async fn a_decision_on_the_page_costs_one_read_more() {
    let provider = warm().await;
    let mut phone = provider.enroll_passkey("alice", at(5.0)).await;
    let (_, request) = provider.asked(&[], at(10.0)).await;
    provider.proxy.clear();
    let signed =
        Signed::on_page(&provider, &request, &mut phone, ("approve", "openid profile"), at(11.0)).await;
    assert_eq!(
        names(&operations(&provider)),
        ["GetItem", "GetItem"],
        "the page: request, and client once a minute"
    );
    open(&provider, &request, at(11.0)).await;
    assert_eq!(names(&operations(&provider)), ["GetItem"], "the page again");
    assert_eq!(signed.send(&provider, &request, at(12.0)).await.status, 200);
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["GetItem", "BatchGetItem", "TransactWriteItems"]);
    // Twice each, as in every transaction: 1 KB of request, 2 of passkey with its enrollment, 4 of evidence with all that was
    // signed, 1 of how far the evidence has come, and the first time 1 of the person's key. DynamoDB Local says less.
    let written = if provider.dynamodb.is_embedded() { 18.0 } else { 16.0 };
    assert_eq!(units(&calls[2]).table, written, "{calls:?}");
}

/// A page that is on the screen asks every few seconds, and what it shows is not read again.
#[tokio::test]
async fn an_open_page_asks_with_one_read() {
    let provider = warm().await;
    let (_, request) = provider.asked(&[("request_context", r#"{"branch":"Altona"}"#)], at(10.0)).await;
    let ask = ciba_tests::request("HEAD", &format!("/consent/{request}"), &[("accept", "text/html")], "");
    provider.proxy.clear();
    assert_eq!(provider.call(&provider.consent, &ask, at(11.0)).await.status, 200);
    assert_eq!(names(&operations(&provider)), ["GetItem"]);
    provider.approve(&request, at(12.0)).await;
    assert_eq!(provider.call(&provider.consent, &ask, at(13.0)).await.status, 404);
}

#[tokio::test]
async fn a_redeeming_poll_costs_a_failed_condition_read_and_write() {
    let provider = warm().await;
    let (auth_req_id, request) = provider.asked(&[], at(10.0)).await;
    provider.approve(&request, at(12.0)).await;
    provider.proxy.clear();
    assert_eq!(provider.poll(&auth_req_id, at(15.0)).await.status, 200);
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["UpdateItem", "BatchGetItem", "UpdateItem"]);
    // Person, client, asks, and what is withdrawn.
    assert_eq!(units(&calls[1]).table, 4.0, "{calls:?}");
    assert_eq!(units(&calls[2]).table, 1.0);
}

/// TOK-4-19: a proof's guard is the first write, and what a nonce is fetched with costs none.
#[tokio::test]
async fn a_poll_with_a_proof_costs_one_more_write() {
    let provider = warm_with(&[("DPOP_NONCE_REQUIRED", "true")]).await;
    let prover = Prover::new();
    let (auth_req_id, request) = provider.asked(&[], at(10.0)).await;
    provider.proxy.clear();
    let poll = async |auth_req_id: &str, nonce: Option<&str>, now: Timestamp| {
        let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
        let call = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
        let proof = prover.proof("POST", "/oauth/token", now, json!({ "nonce": nonce }));
        provider.call(&provider.token, &with_proof(call, &proof), now).await
    };
    let refused = poll(&auth_req_id, None, at(15.0)).await;
    let nonce = refused.header("dpop-nonce").expect("a nonce");
    poll("forged", Some(nonce), at(15.0)).await;
    assert_eq!(names(&operations(&provider)), Vec::<&str>::new());
    poll(&auth_req_id, Some(nonce), at(15.0)).await;
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["PutItem", "UpdateItem"]);
    assert_eq!((units(&calls[0]).table, units(&calls[1]).table), (1.0, 1.0));
    provider.approve(&request, at(16.0)).await;
    provider.proxy.clear();
    assert_eq!(poll(&auth_req_id, Some(nonce), at(20.0)).await.status, 200);
    assert_eq!(names(&operations(&provider)), ["PutItem", "UpdateItem", "BatchGetItem", "UpdateItem"]);
}

#[tokio::test]
async fn userinfo_costs_two_reads_and_with_a_proof_one_write_more() {
    let provider = warm().await;
    let prover = Prover::new();
    provider.userinfo.warm_up(&provider.invocation(at(9.0))).await;
    for (is_bound, asked_at, expected) in [
        (false, 10.0, &["GetItem", "BatchGetItem"][..]),
        (true, 30.0, &["GetItem", "BatchGetItem", "PutItem"]),
    ] {
        let (auth_req_id, request_key) = provider.asked(&[], at(asked_at)).await;
        provider.approve(&request_key, at(asked_at + 1.0)).await;
        let now = at(asked_at + 6.0);
        let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &auth_req_id)];
        let mut poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
        if is_bound {
            poll = with_proof(poll, &prover.proof("POST", "/oauth/token", now, json!({})));
        }
        let tokens = provider.call(&provider.token, &poll, now).await;
        let access = tokens.text("access_token");
        let authorization = format!("{} {access}", tokens.text("token_type"));
        let mut call = request("GET", "/userinfo", &[("authorization", &authorization)], "");
        if is_bound {
            call = with_proof(call, &prover.proof("GET", "/userinfo", now, json!({"ath": hash(access)})));
        }
        provider.proxy.clear();
        assert_eq!(provider.call(&provider.userinfo, &call, now).await.status, 200);
        assert_eq!(names(&operations(&provider)), expected);
    }
}

/// Two reads are for its page; the other two and the transaction are for the passkey.
#[tokio::test]
async fn an_enrollment_costs_four_reads_and_one_transaction() {
    let provider = warm().await;
    let path = provider.ticket("alice", TicketKind::First, at(10.0)).await;
    provider.proxy.clear();
    let page = provider.enrollment_page(&path, at(10.0)).await;
    assert_eq!(names(&operations(&provider)), ["GetItem", "BatchGetItem"]);
    let mut first = Authenticator::new();
    let registration = first.create(&page.options("data-options").expect("options"), Provider::ISSUER);
    let body = json!({ "registration": registration });
    assert_eq!(provider.post_enrollment(&path, &body, at(10.0)).await.status, 200);
    assert_eq!(names(&operations(&provider)), ["GetItem", "BatchGetItem", "TransactWriteItems"]);

    // The passkey that speaks for a further one is read as well.
    let path = provider.ticket("alice", TicketKind::First, at(11.0)).await;
    provider.proxy.clear();
    let answer = provider.follow_ticket(&path, &mut Authenticator::new(), Some(&mut first), at(11.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let calls = operations(&provider);
    let expected = ["GetItem", "BatchGetItem", "GetItem", "BatchGetItem", "GetItem", "TransactWriteItems"];
    assert_eq!(names(&calls), expected, "the page, then the passkey");
}

#[tokio::test]
async fn what_can_be_refused_without_the_table_costs_no_call() {
    let provider = warm().await;
    // A key version that nobody knows is looked for once a minute.
    assert_eq!(provider.poll(&"A".repeat(44), at(14.0)).await.status, 400);
    provider.proxy.clear();
    for auth_req_id in ["forged", &"A".repeat(44), &"A".repeat(129)] {
        assert_eq!(provider.poll(auth_req_id, at(15.0)).await.status, 400);
    }
    for parameters in [[("scope", "profile")], [("binding_message", "<b>")], [("login_hint", "tel:1")]] {
        assert_eq!(provider.ask(&parameters, at(15.0)).await.status, 400);
    }
    for ticket in ["/enroll/forged", "/enroll/", "/enroll/AAAAAAAAAAAAAAAAAAAAAA/more"] {
        assert_eq!(provider.enrollment_page(ticket, at(15.0)).await.status, 404);
    }
    assert_eq!(names(&operations(&provider)), Vec::<&str>::new());
}

/// Speed: so many keys, of whatever algorithms, are read by one call and opened by one.
#[tokio::test]
async fn a_cold_start_costs_one_query_and_one_decryption() {
    let provider = Provider::with(&[("SIGNING_KEY_ROTATION_DAYS", "1")]).await;
    provider.key_rotation.run(&provider.invocation(at(86_400.0))).await.expect("successors");
    provider.proxy.clear();
    provider.kms.clear();
    provider.token.warm_up(&provider.invocation(at(86_400.0))).await;
    assert_eq!(names(&operations(&provider)), ["Query"]);
    let calls = provider.kms.calls();
    assert_eq!(calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["Decrypt"]);
}

/// A poll pays for the whole item, so a typical one stays under 1 KB with room to spare.
#[tokio::test]
async fn a_typical_request_is_stored_in_less_than_one_kilobyte() {
    let provider = warm().await;
    provider.asked(&[("binding_message", "Transfer 100.50 EUR to M. Meyer?")], at(10.0)).await;
    let items = provider.items_under("request#").await;
    let pending = items.iter().find(|item| item["state"] == "pending").expect("a pending request");
    let bytes: usize = pending
        .as_object()
        .expect("an item")
        .iter()
        .map(|(name, value)| name.len() + value.as_str().map_or(1, str::len))
        .sum();
    assert!(bytes < 700, "{bytes} bytes");
}

/// The details cost their type once a minute, an item of their own where they are put, and no poll.
#[tokio::test]
async fn details_cost_no_call_more_than_their_type_once_a_minute() {
    let provider = warm().await;
    provider.put_detail_type(&payment()).await;
    let kiosk = json!({"client_id": "kiosk", "authorization_details_types": ["payment"]});
    provider.register(kiosk).await.expect("kiosk");
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let asked = [("authorization_details", &*details.to_string())];
    let (first, _) = provider.asked(&asked, at(100.0)).await;
    provider.poll(&first, at(105.0)).await;
    provider.proxy.clear();
    let (auth_req_id, request) = provider.asked(&asked, at(110.0)).await;
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["GetItem", "BatchGetItem", "TransactWriteItems"]);
    // The record, the asks, the one that is superseded, and the details: less than 1 KB each, twice.
    let written = if provider.dynamodb.is_embedded() { 8.0 } else { 4.0 };
    assert_eq!(units(&calls[2]).table, written, "{calls:?}");
    provider.poll(&auth_req_id, at(115.0)).await;
    let calls = operations(&provider);
    assert_eq!((names(&calls), units(&calls[0]).table), (vec!["UpdateItem"], 1.0));
    let body = json!({"decision": "approve", "authorization_details": details});
    assert_eq!(provider.decide("alice", &request, body, at(116.0)).await.status, 200);
    assert_eq!(names(&operations(&provider)), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(provider.poll(&auth_req_id, at(120.0)).await.status, 200);
    assert_eq!(names(&operations(&provider)), ["UpdateItem", "BatchGetItem", "UpdateItem"]);
}

/// A provider with a client in this mode, warm, and a decision of `alice` that waits to be told.
async fn decided(mode: &str) -> (Provider, Receiver) {
    let provider = Provider::with(&[]).await;
    let receiver = Receiver::start().await;
    let client = json!({"client_id": "kiosk", "backchannel_token_delivery_mode": mode,
        "backchannel_client_notification_endpoint": receiver.url()});
    provider.register(client).await.expect("kiosk");
    provider.client_notification.warm_up(&provider.invocation(at(0.0))).await;
    let parameters = [("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255")];
    let (_, request) = provider.asked(&parameters, at(0.0)).await;
    // What waits for the end of a push is there since then, and is looked at once.
    provider.deliver(at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    provider.proxy.clear();
    (provider, receiver)
}

#[tokio::test]
async fn a_ping_costs_two_reads_and_two_writes() {
    let (provider, receiver) = decided("ping").await;
    provider.sqs.clear();
    provider.deliver(at(1.0)).await;
    assert_eq!(receiver.delivered().len(), 1);
    assert_eq!(provider.sqs.calls(), [], "no queue either");
    let calls = operations(&provider);
    assert_eq!(names(&calls), ["BatchGetItem", "GetItem", "UpdateItem", "UpdateItem"]);
    assert_eq!(calls[2..].iter().map(|call| units(call).table).sum::<f64>(), 2.0, "{calls:?}");
}

#[tokio::test]
async fn a_push_costs_three_reads_one_transaction_and_one_write() {
    let (provider, receiver) = decided("push").await;
    provider.deliver(at(1.0)).await;
    assert_eq!(receiver.delivered().len(), 1);
    let calls = operations(&provider);
    assert_eq!(names(&calls).join(" "), "BatchGetItem GetItem BatchGetItem TransactWriteItems UpdateItem");
}
