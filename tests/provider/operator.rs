//! What an operator does to requests, with the operator's tool, and what client and person then see.

mod delivery;
mod evidence;
mod replacements;

use aws_sdk_dynamodb::types::AttributeValue;
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::http::serve;
use ciba_admin::arguments::Arguments;
use ciba_admin::failure::Failure;
use ciba_admin::{Output, run};
use ciba_tests::{Provider, at};
use clap::Parser;
use serde_json::{Value, json};

async fn admin(provider: &Provider, arguments: &[&str], now: Timestamp) -> Result<Output, Failure> {
    let arguments = Arguments::parse_from(["ciba-admin"].iter().chain(arguments));
    run(&arguments, &provider.environment(), now, serve::random).await
}

pub(crate) async fn done(provider: &Provider, arguments: &[&str], now: Timestamp) -> Output {
    let output = admin(provider, arguments, now).await;
    output.unwrap_or_else(|failure| panic!("{arguments:?}: {failure}"))
}

/// The text of a refusal.
pub(crate) async fn refused(provider: &Provider, arguments: &[&str], now: Timestamp) -> String {
    match admin(provider, arguments, now).await {
        Ok(output) => panic!("{arguments:?}: {}", output.text),
        Err(failure) => {
            assert_eq!(failure.exit_code(), 1, "{failure}");
            failure.to_string()
        }
    }
}

/// The requests that a list names.
async fn listed(provider: &Provider, arguments: &[&str], now: Timestamp) -> Vec<String> {
    let output = done(provider, &[&["request", "list"], arguments].concat(), now).await;
    assert_eq!(output.json["complete"], true);
    let requests = output.json["requests"].as_array().unwrap().iter();
    requests.map(|entry| entry["request"].as_str().unwrap().to_owned()).collect()
}

/// ATK-1-12: their messages are not shown.
#[tokio::test]
async fn pending_requests_are_listed_with_client_person_and_time() {
    let provider = Provider::start().await;
    let (_, alices) = provider.asked(&[("binding_message", "K7-2931")], at(10.0)).await;
    let (_, bobs) = provider.asked(&[("login_hint", "bob"), ("requested_expiry", "60")], at(20.0)).await;
    let output = done(&provider, &["request", "list"], at(30.5)).await;
    let entry = |request: &str, sub: &str, asked: f64, decide_in: u64, expires_in: u64| {
        json!({
            "request": request, "correlation": RequestKey::parse(request).unwrap().correlation(),
            "client_id": "kiosk", "sub": sub, "created_at": at(asked).seconds(),
            "decide_in": decide_in, "expires_in": expires_in, "state": "pending",
        })
    };
    let expected = [entry(&bobs, "bob", 20.0, 43, 50), entry(&alices, "alice", 10.0, 93, 100)];
    assert_eq!(output.json, json!({ "requests": expected, "complete": true }), "soonest to expire first");
    assert!(output.text.contains("alice") && output.text.contains("2027-01-15 08:00:20Z"), "{}", output.text);
    for shown in [output.text, output.json.to_string()] {
        assert!(!shown.contains("K7-2931"), "{shown}");
    }

    let late = done(&provider, &["request", "list", "--person", "alice"], at(125.0)).await;
    assert_eq!(
        (&late.json["requests"][0]["decide_in"], &late.json["requests"][1]),
        (&json!(0), &Value::Null)
    );
    assert!(late.text.contains("pending, too late to decide"), "{}", late.text);
}

#[tokio::test]
async fn what_is_decided_or_has_expired_is_not_pending() {
    let provider = Provider::start().await;
    let (_, approved) = provider.asked(&[], at(0.0)).await;
    provider.approve(&approved, at(1.0)).await;
    let (_, bobs) = provider.asked(&[("login_hint", "bob")], at(2.0)).await;
    assert_eq!(listed(&provider, &[], at(121.9)).await, [&*bobs]);
    for arguments in [&[][..], &["--person", "bob"], &["--person", "alice"]] {
        assert_eq!(listed(&provider, arguments, at(122.0)).await, [""; 0], "{arguments:?}");
    }
    assert_eq!(done(&provider, &["request", "list"], at(122.0)).await.text, "Nothing is pending.\n");
}

#[tokio::test]
async fn a_person_is_meant_by_sub_by_hint_or_by_key() {
    let provider = Provider::start().await;
    // What is one person's sub is another's hint.
    let mixed = json!({"hints": {"plain": ["alice7"], "email": ["carol@example.com"]}, "channels": [{"sms": "+15555550102"}]});
    provider.enroll("carol", mixed).await.unwrap();
    let dave = json!({"hints": {"plain": ["carol"]}, "channels": [{"sms": "+15555550103"}]});
    provider.enroll("dave", dave).await.unwrap();
    let (_, carols) = provider.asked(&[("login_hint", "sub:carol")], at(0.0)).await;
    let (_, daves) = provider.asked(&[("login_hint", "carol")], at(1.0)).await;

    let key = PersonKey::new(provider.login.issuer(), "carol");
    let iss_sub = json!({"format": "iss_sub", "iss": provider.login.issuer(), "sub": "carol"}).to_string();
    for who in ["carol", "sub:carol", "alice7", "email:Carol@example.com", key.as_str(), &iss_sub] {
        assert_eq!(listed(&provider, &["--person", who], at(2.0)).await, [&*carols], "{who}");
    }
    assert_eq!(listed(&provider, &["--person", "dave"], at(2.0)).await, [&*daves]);
    for who in ["mallory", "tel:0815", ""] {
        let why = refused(&provider, &["request", "list", "--person", who], at(2.0)).await;
        assert_eq!(why, format!("there is no person {who}"));
    }
}

/// The table may be large, and full of what is over; the index has what is pending.
#[tokio::test]
async fn a_list_reads_the_index_and_never_the_table() {
    let provider = Provider::start().await;
    provider.asked(&[], at(0.0)).await;
    for (arguments, operation) in
        [(&["request", "list", "--person", "alice"][..], "Query"), (&["request", "list"], "Scan")]
    {
        provider.proxy.clear();
        done(&provider, arguments, at(1.0)).await;
        let calls = provider.proxy.calls();
        let read = calls.iter().filter(|call| ["Query", "Scan"].contains(&&*call.operation));
        let read: Vec<_> = read.map(|call| (&*call.operation, call.touches[0].index.as_deref())).collect();
        assert_eq!(read, [(operation, Some("pending-by-user"))], "{arguments:?}");
    }
}

#[tokio::test]
async fn a_list_is_bounded_and_says_when_there_may_be_more() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    provider.register(json!({"client_id": "teller"})).await.unwrap();
    provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.ask_as("teller", &[], at(1.0)).await.status, 200);
    for arguments in
        [&["request", "list", "--limit", "1"][..], &["request", "list", "--limit", "1", "--person", "alice"]]
    {
        let output = done(&provider, arguments, at(2.0)).await;
        assert_eq!(
            (output.json["requests"].as_array().unwrap().len(), &output.json["complete"]),
            (1, &json!(false))
        );
        assert!(output.text.contains("There may be more"), "{}", output.text);
    }
    // Of what it looks at, what has expired is not in the list, and counts.
    let table = &provider.table;
    for (evaluate, found, is_complete) in [(1, 1, false), (2, 2, false), (3, 2, true)] {
        let list = table.list_all_pending(at(2.0), 10, evaluate).await.unwrap();
        assert_eq!((list.requests.len(), list.is_complete), (found, is_complete), "{evaluate}");
    }
    let list = table.list_all_pending(at(200.0), 10, 1).await.unwrap();
    assert_eq!((list.requests.len(), list.is_complete), (0, false));
}

#[tokio::test]
async fn a_request_of_somebody_who_is_gone_is_listed_without_a_name() {
    let provider = Provider::start().await;
    provider.asked(&[], at(0.0)).await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let pk = format!("user#{}", PersonKey::new(provider.login.issuer(), "alice").as_str());
    let delete = provider.dynamodb.client().delete_item().table_name(provider.table.name());
    delete.key("pk", text(&pk)).key("sk", text("user")).send().await.unwrap();
    let output = done(&provider, &["request", "list"], at(1.0)).await;
    assert_eq!(output.json["requests"][0]["sub"], Value::Null);
}

/// ATK-4-07, CIBA-11-06: it makes room for another.
#[tokio::test]
async fn a_cancelled_request_ends_for_client_and_person() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let output = done(&provider, &["request", "cancel", &request], at(3.0)).await;
    let mut expected = json!({
        "request": request, "correlation": RequestKey::parse(&request).unwrap().correlation(),
        "state": "cancelled", "cancelled_by": "operator", "cancelled_at": at(3.0).seconds(), "changed": true,
    });
    assert_eq!(output.json, expected);

    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
    let path = format!("/consent/{request}");
    let shown = provider.consent("alice", "GET", &path, "", at(5.0)).await;
    assert_eq!((shown.text("state"), &shown.body["decide_in"]), ("cancelled", &json!(0)));
    for decision in ["approve", "deny"] {
        let answer = provider.decide("alice", &request, json!({ "decision": decision }), at(6.0)).await;
        assert_eq!(answer.refusal(), (409, "not_open"));
    }
    assert_eq!(provider.consent("alice", "GET", "/consent", "", at(6.0)).await.body, json!({"requests": []}));
    assert_eq!(listed(&provider, &[], at(6.0)).await, [""; 0]);
    assert_eq!(provider.items_under("evidence#").await.len(), 0);

    // The same again changes nothing, and says so; the link names the request as well.
    expected["changed"] = false.into();
    let link = format!("{}/consent/{request}", Provider::ISSUER);
    for name in [&*request, &link] {
        let again = done(&provider, &["request", "cancel", name], at(7.0)).await;
        assert_eq!(again.json, expected);
        assert!(again.text.contains("nothing is changed"), "{}", again.text);
    }
    provider.asked(&[], at(8.0)).await;
    assert_eq!(listed(&provider, &[], at(9.0)).await.len(), 1);
    assert_eq!(provider.poll(&auth_req_id, at(121.0)).await.refusal(), (400, "expired_token"));
}

/// ATK-4-07, ATK-4-08: the answer says whether it is decided, expired or unknown.
#[tokio::test]
async fn a_request_that_is_not_open_is_not_cancelled() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    provider.enroll("carol", json!({"channels": [{"sms": "+15555550102"}]})).await.expect("carol");
    let (_, denied) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    provider.decide("bob", &denied, json!({"decision": "deny"}), at(1.0)).await;
    let (auth_req_id, approved) = provider.asked(&[], at(2.0)).await;
    provider.approve(&approved, at(3.0)).await;
    let (_, expired) = provider.asked(&[("login_hint", "carol")], at(4.0)).await;
    let before = provider.traces().await;
    let unknown = RequestKey::from_bytes([7; 16]).encode();
    for (request, now, why) in [
        (&denied, 5.0, "it is denied"),
        (&approved, 5.0, "it is approved"),
        (&expired, 124.0, "it has expired"),
        (&unknown, 5.0, "it does not exist"),
        (&auth_req_id, 5.0, "auth_req_id"),
    ] {
        let said = refused(&provider, &["request", "cancel", request], at(now)).await;
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(provider.traces().await, before);
    assert_eq!(provider.poll(&auth_req_id, at(7.0)).await.status, 200, "what the person approved stands");
    let said = refused(&provider, &["request", "cancel", &approved], at(8.0)).await;
    assert!(said.contains("it is redeemed"), "{said}");

    let (_, older) = provider.asked(&[], at(9.0)).await;
    provider.asked(&[], at(10.0)).await;
    let output = done(&provider, &["request", "cancel", &older], at(11.0)).await;
    let members = ["cancelled_by", "cancelled_at", "changed"].map(|name| output.json[name].clone());
    assert_eq!(members, [json!("superseded"), json!(at(10.0).seconds()), json!(false)]);
}
