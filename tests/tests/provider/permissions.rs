//! What each function did to the table is what template.yaml allows it, in both directions.

use std::collections::BTreeSet;

use ciba_local::sns::Failure;
use ciba_tests::{Provider, at, request, root};
use serde_json::{Value, json};

/// Function, action, and the leading key with a star for what follows its first part.
type Permission = (String, String, String);

/// What the policies of the template say about the table.
fn granted() -> BTreeSet<Permission> {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let document = ciba_local::template::document(&text).expect("a template");
    let functions = document["Resources"].as_object().expect("resources").values();
    let functions = functions.filter(|it| it["Type"] == "AWS::Serverless::Function");
    let statements = functions.flat_map(|function| {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().expect("a binary");
        let policies = function["Properties"]["Policies"].as_array().into_iter().flatten();
        policies
            .flat_map(|policy| texts(&policy["Statement"]))
            .map(move |statement| (Provider::access_key(binary), statement))
    });
    let mut all = BTreeSet::new();
    for (function, statement) in statements {
        for action in texts(&statement["Action"]).filter_map(|it| it.as_str()?.strip_prefix("dynamodb:")) {
            for key in texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) {
                all.insert((function.clone(), action.to_owned(), key.as_str().expect("a key").to_owned()));
            }
        }
    }
    all
}

/// One or many, as IAM takes them.
fn texts(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().filter(|it| !it.is_null())
}

/// What went over the wire, as IAM would have judged it.
fn used(provider: &Provider) -> BTreeSet<Permission> {
    let calls = provider.proxy.calls();
    let touches = calls.iter().flat_map(|call| {
        let caller = call.caller.clone().expect("a caller");
        call.touches.iter().map(move |touch| {
            let key = touch.leading_key.as_deref().expect("a leading key");
            let key = key.split_once('#').map_or_else(|| key.to_owned(), |(first, _)| format!("{first}#*"));
            (caller.clone(), touch.action.clone(), key)
        })
    });
    touches.filter(|(caller, ..)| caller != "test").collect()
}

#[tokio::test]
async fn each_function_uses_exactly_what_the_template_allows_it() {
    let provider = Provider::empty(&[]).await;
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect("keys");
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    provider.enroll("alice", json!({"channels": [{"sms": "+15555550100"}]})).await.expect("alice");

    // Superseded, seen, approved, redeemed; and one about which nobody could be told.
    provider.asked(&[], at(0.0)).await;
    let (auth_req_id, request_key) = provider.asked(&[], at(1.0)).await;
    provider.consent("alice", "GET", "/consent", "", at(2.0)).await;
    provider.consent("alice", "GET", &format!("/consent/{request_key}"), "", at(2.0)).await;
    provider.poll(&auth_req_id, at(2.0)).await;
    provider.approve(&request_key, at(3.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(6.0)).await.status, 200);
    provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(provider.ask(&[], at(7.0)).await.status, 403);
    let keys = request("GET", "/.well-known/jwks.json", &[], "");
    assert_eq!(provider.call(&provider.jwks, &keys, at(8.0)).await.status, 200);

    assert_eq!(used(&provider), granted());
}
