//! What logging in and approving with a session cost: calls of DynamoDB and of KMS.

use ciba_tests::{Provider, at};

use super::browser::{Browser, approving_form};
use super::{Stand, location};

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");

/// The operations since the last look.
fn operations(provider: &Provider) -> Vec<String> {
    let calls = provider.proxy.calls().into_iter().map(|call| call.operation).collect();
    provider.proxy.clear();
    calls
}

/// As with a login token: one read, one transaction, and the witness.
#[tokio::test]
async fn a_decision_with_a_session_costs_no_call_more() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    provider.consent.warm_up(&provider.invocation(at(0.0))).await.expect("warm");
    let (_, first) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = stand.logged_in("alice", &first, at(1.0)).await;
    browser.get(provider, &format!("/consent/{first}"), at(2.0)).await;
    let (_, key) = provider.asked(&[ALICE], at(10.0)).await;
    provider.proxy.clear();
    let page = browser.get(provider, &format!("/consent/{key}"), at(11.0)).await;
    assert_eq!(operations(provider), ["GetItem"], "the page, as without a session");
    let fields = approving_form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    provider.kms.clear();
    let path = format!("/consent/{key}/decision");
    assert_eq!(browser.post(provider, &path, &fields, at(12.0)).await.status, 303);
    assert_eq!(operations(provider), ["BatchGetItem", "TransactWriteItems"]);
    let asked: Vec<_> = provider.kms.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["Sign"], "its witness");
}

/// A page that only the person sees: the request, the person and their asks. With the link alone it costs one read.
#[tokio::test]
async fn an_answered_request_costs_two_reads_to_show() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let (_, key) = provider.asked(&[ALICE], at(0.0)).await;
    let mut browser = stand.logged_in("alice", &key, at(1.0)).await;
    let page = browser.get(provider, &format!("/consent/{key}"), at(2.0)).await;
    let fields = approving_form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(provider, &format!("/consent/{key}/decision"), &fields, at(3.0)).await;
    provider.proxy.clear();
    browser.get(provider, &format!("/consent/{key}"), at(4.0)).await;
    assert_eq!(operations(provider), ["GetItem", "BatchGetItem"]);
    Browser::new().get(provider, &format!("/consent/{key}"), at(4.0)).await;
    assert_eq!(operations(provider), ["GetItem"]);
}

/// Cold, the keys cost one query and one decryption; warm, a login costs a read, and a write for its `state`.
#[tokio::test]
async fn a_login_costs_one_read_and_one_write() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let (_, key) = provider.asked(&[ALICE], at(0.0)).await;
    provider.proxy.clear();
    provider.kms.clear();
    provider.logging_in.warm_up(&provider.invocation(at(0.0))).await;
    assert_eq!(operations(provider), ["Query"]);
    stand.logged_in("alice", &key, at(1.0)).await;
    // Of metadata and keys that were fetched for the first time: whether they failed before.
    assert_eq!(operations(provider), ["GetItem", "GetItem", "PutItem", "GetItem"]);
    let asked: Vec<_> = provider.kms.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["Decrypt", "Decrypt"], "the page key, and the secret at the issuer");
    let mut browser = Browser::new();
    let start = browser.get(provider, &format!("/login?request={key}"), at(2.0)).await;
    assert_eq!(operations(provider), ["GetItem"]);
    let callback = stand.issuer.authorize(location(&start), "alice", at(2.0));
    browser.get(provider, &callback, at(2.0)).await;
    assert_eq!(operations(provider), ["PutItem"]);
    browser.get(provider, "/me", at(3.0)).await;
    assert_eq!(operations(provider), Vec::<String>::new());
}

/// HYG-1-17: what was not sealed here costs no call, however often it is sent.
#[tokio::test]
async fn a_forged_cookie_costs_no_call() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    provider.logging_in.warm_up(&provider.invocation(at(0.0))).await;
    let mut browser = Browser::new();
    browser.set("ciba-session", "AAAA");
    // A key version that nobody knows is looked for once a minute.
    browser.get(provider, "/me", at(1.0)).await;
    provider.proxy.clear();
    for value in ["AAAA", "AQAA", "", "x"] {
        browser.set("ciba-session", value);
        browser.get(provider, "/me", at(2.0)).await;
        browser.get(provider, "/login/callback?state=x&code=y", at(2.0)).await;
    }
    assert_eq!(operations(provider), Vec::<String>::new());
}
