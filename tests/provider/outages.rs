//! A table that is busy or silent. What passes within the SDK's tries changes no answer; what lasts longer is a 503 with
//! `Retry-After`, and nothing is half done.

use std::time::Duration;

use ciba_local::proxy::{Loss, Refusal};
use ciba_local::sns::Failure;
use ciba_tests::{Answer, Provider, at, request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How often the SDK sends a call.
const TRIES: usize = 3;

/// How DynamoDB says that it is busy.
const BUSY: [Refusal; 3] =
    [Refusal::ProvisionedThroughputExceeded, Refusal::Throttling, Refusal::RequestLimitExceeded];

/// A call of an endpoint, and what of the table it needs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Ask,
    Withdraw,
    Poll,
    Redeem,
    List,
    Read,
    Decide,
    KeySet,
}

/// Each step with each operation it waits for, and what it answers if all goes well.
const STEPS: [(Step, &str, u16); 14] = [
    (Step::Ask, "GetItem", 200),
    (Step::Ask, "BatchGetItem", 200),
    (Step::Ask, "TransactWriteItems", 200),
    (Step::Withdraw, "DeleteItem", 403),
    (Step::Poll, "GetItem", 400),
    (Step::Poll, "UpdateItem", 400),
    (Step::Redeem, "UpdateItem", 200),
    (Step::Redeem, "BatchGetItem", 200),
    (Step::List, "Query", 200),
    (Step::List, "GetItem", 200),
    (Step::Read, "GetItem", 200),
    (Step::Decide, "BatchGetItem", 200),
    (Step::Decide, "TransactWriteItems", 200),
    (Step::KeySet, "Query", 200),
];

/// A provider with what `step` needs, and the call it makes.
struct Scene {
    provider: Provider,
    step: Step,
    auth_req_id: String,
    request: String,
}

impl Scene {
    async fn set(step: Step) -> Self {
        let provider = Provider::start().await;
        let (auth_req_id, request) = match step {
            Step::Ask | Step::Withdraw | Step::KeySet => (String::new(), String::new()),
            Step::Poll | Step::Redeem | Step::List | Step::Read | Step::Decide => {
                provider.asked(&[], at(0.0)).await
            }
        };
        if step == Step::Redeem {
            provider.approve(&request, at(1.0)).await;
        }
        if step == Step::Withdraw {
            provider.sns.fail_next(Failure::OptedOut);
        }
        Self { provider, step, auth_req_id, request }
    }

    async fn play(&self) -> Answer {
        let provider = &self.provider;
        match self.step {
            Step::Ask | Step::Withdraw => provider.ask(&[], at(5.0)).await,
            Step::Poll | Step::Redeem => provider.poll(&self.auth_req_id, at(5.0)).await,
            Step::List => provider.consent("alice", "GET", "/consent", "", at(5.0)).await,
            Step::Read => {
                provider.consent("alice", "GET", &format!("/consent/{}", self.request), "", at(5.0)).await
            }
            Step::Decide => {
                provider.decide("alice", &self.request, json!({"decision": "deny"}), at(5.0)).await
            }
            Step::KeySet => {
                let call = request("GET", "/.well-known/jwks.json", &[], "");
                provider.call(&provider.jwks, &call, at(5.0)).await
            }
        }
    }

    /// Everything in the table, in a fixed order, and the messages that left.
    async fn traces(&self) -> (Vec<Value>, usize) {
        let mut items = self.provider.items().await;
        items.sort_by_key(ToString::to_string);
        (items, self.provider.sns.messages().len())
    }
}

/// How often `operation` was refused, or not answered.
fn refused(provider: &Provider, operation: &str) -> usize {
    let refused = |status: Option<u16>| status.is_none_or(|status| status != 200);
    let calls = provider.proxy.calls();
    calls.iter().filter(|it| it.operation == operation && refused(it.status.map(|it| it.as_u16()))).count()
}

#[track_caller]
fn is_unavailable(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 503, "{why}");
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{why}");
    assert!(answer.retry_after() >= 1, "{why}");
}

/// Each step with one of the ways to be busy, each way with several steps.
#[tokio::test]
async fn a_table_that_is_busy_for_a_moment_changes_no_answer() {
    for ((step, operation, status), refusal) in STEPS.into_iter().zip(BUSY.into_iter().cycle()) {
        let scene = Scene::set(step).await;
        scene.provider.proxy.clear();
        for nth in 1..TRIES {
            scene.provider.proxy.fail_before(operation, nth, refusal.clone());
        }
        let answer = scene.play().await;
        assert_eq!(answer.status, status, "{step:?}, {operation}, {refusal:?}: {answer:?}");
        // A redeeming poll begins with an update that is refused anyway.
        assert!(refused(&scene.provider, operation) >= TRIES - 1, "{step:?}, {operation}");
    }
}

/// CIBA-13-06, CIBA-11-08. What a withdrawal leaves that was refused, `conflicts` says.
#[tokio::test]
async fn a_table_that_stays_busy_is_unavailable_and_changes_nothing() {
    for (step, operation, status) in STEPS.into_iter().filter(|(step, ..)| *step != Step::Withdraw) {
        let scene = Scene::set(step).await;
        let before = scene.traces().await;
        for refusal in BUSY {
            let why = format!("{step:?}, {operation}, {refusal:?}");
            for nth in 1..=TRIES {
                scene.provider.proxy.fail_before(operation, nth, refusal.clone());
            }
            is_unavailable(&scene.play().await, &why);
            assert_eq!(scene.traces().await, before, "{why}");
        }
        assert_eq!(scene.play().await.status, status, "{step:?}, {operation}: and then it works");
    }
}

/// The SDK's own repeat may come while the first attempt is still under way.
#[tokio::test]
async fn a_transaction_that_is_still_in_progress_is_asked_about_again() {
    for step in [Step::Ask, Step::Decide] {
        let scene = Scene::set(step).await;
        let code = "com.amazonaws.dynamodb.v20120810#TransactionInProgressException".to_owned();
        scene.provider.proxy.fail_before("TransactWriteItems", 1, Refusal::Error { code });
        assert_eq!(scene.play().await.status, 200, "{step:?}");
    }
}

/// One step for each operation: how long to wait is the same for all.
async fn silenced(times: usize) -> Vec<(Scene, &'static str, u16)> {
    let mut scenes = Vec::new();
    for (step, operation) in [
        (Step::Ask, "GetItem"),
        (Step::Redeem, "BatchGetItem"),
        (Step::Ask, "TransactWriteItems"),
        (Step::Poll, "UpdateItem"),
        (Step::KeySet, "Query"),
    ] {
        let scene = Scene::set(step).await;
        for nth in 1..=times {
            scene.provider.proxy.fail_before(operation, nth, Refusal::Silence);
        }
        let (.., status) = STEPS.into_iter().find(|it| (it.0, it.1) == (step, operation)).expect("a step");
        scenes.push((scene, operation, status));
    }
    scenes
}

/// Each attempt ends after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_silent_once_is_asked_again() {
    let mut plays = JoinSet::new();
    for (scene, operation, status) in silenced(1).await {
        plays.spawn(async move {
            let answer = scene.play().await;
            assert_eq!(answer.status, status, "{:?}, {operation}: {answer:?}", scene.step);
            assert_eq!(refused(&scene.provider, operation), 1, "{:?}, {operation}", scene.step);
        });
    }
    plays.join_all().await;
}

/// CIBA-13-06, CIBA-11-08: a call ends after three seconds, and leaves the function time to answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_stays_silent_is_unavailable_and_changes_nothing() {
    let mut plays = JoinSet::new();
    for (scene, operation, status) in silenced(TRIES).await {
        plays.spawn(async move {
            let why = format!("{:?}, {operation}", scene.step);
            let before = scene.traces().await;
            is_unavailable(&scene.play().await, &why);
            assert_eq!(scene.provider.proxy.patience().waited(), Duration::from_secs(3), "{why}");
            assert_eq!(scene.traces().await, before, "{why}");
            assert_eq!(scene.play().await.status, status, "{why}: and then it works");
        });
    }
    plays.join_all().await;
}

/// Carries `operation` out and never says so.
fn never_confirm(provider: &Provider, operation: &str, after: usize) {
    for nth in after + 1..=after + TRIES {
        provider.proxy.lose_response(operation, nth, Loss::Silence);
    }
}

/// ATK-4-05, as divergences.md has it: tokens are made once, also where nobody got them.
#[tokio::test]
async fn an_unconfirmed_redemption_is_unavailable_and_then_lost() {
    let scene = Scene::set(Step::Redeem).await;
    never_confirm(&scene.provider, "UpdateItem", 1);
    is_unavailable(&scene.play().await, "the first time");
    assert_eq!(scene.play().await.refusal(), (400, "invalid_grant"));
}

/// CIBA-7.2-09, as divergences.md has it: nobody was told of the request, and nobody has its handle.
#[tokio::test]
async fn an_unconfirmed_insertion_is_unavailable_and_tells_nobody() {
    let scene = Scene::set(Step::Ask).await;
    never_confirm(&scene.provider, "TransactWriteItems", 0);
    is_unavailable(&scene.play().await, "the first time");
    assert_eq!(scene.provider.sns.attempts().len(), 0);
    assert_eq!(scene.provider.items_under("request#").await.len(), 1);
    // The next one supersedes it.
    assert_eq!(scene.play().await.status, 200);
    let requests = scene.provider.items_under("request#").await;
    assert_eq!(requests.iter().filter(|request| request["state"] == "pending").count(), 1);
}

/// ATK-4-07: the same decision again is told that it stands.
#[tokio::test]
async fn a_decision_that_is_never_confirmed_is_unavailable_and_stands() {
    let scene = Scene::set(Step::Decide).await;
    never_confirm(&scene.provider, "TransactWriteItems", 0);
    is_unavailable(&scene.play().await, "the first time");
    assert_eq!(scene.play().await.status, 200);
    assert_eq!(scene.provider.items_under("evidence#").await.len(), 1);
}

/// ATK-4-10: for a busy item DynamoDB cancels the whole transaction, and the SDK does not repeat it.
#[tokio::test]
async fn a_transaction_of_which_a_part_is_busy_is_tried_again() {
    for reason in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        for step in [Step::Ask, Step::Decide] {
            for part in 0..2 {
                let scene = Scene::set(step).await;
                let refusal = Refusal::Cancelled { at: part, reason: reason.to_owned() };
                scene.provider.proxy.fail_before("TransactWriteItems", 1, refusal);
                assert_eq!(scene.play().await.status, 200, "{step:?}, {part}, {reason}");
                let written = if step == Step::Ask { "request#" } else { "evidence#" };
                assert_eq!(scene.provider.items_under(written).await.len(), 1, "{step:?}, {part}, {reason}");
            }
        }
    }
}

/// ATK-1-05: who reads a person without their asks would think that nobody asked them.
#[tokio::test]
async fn asks_that_were_left_over_are_read_before_the_limit_is_held() {
    let provider = Provider::start().await;
    for n in 0..3 {
        provider.asked(&[], at(f64::from(n))).await;
    }
    provider.proxy.leave_over(1, 1);
    assert_eq!(provider.ask(&[], at(4.0)).await.refusal(), (403, "access_denied"));
}

/// ATK-8-04
#[tokio::test]
async fn unprocessed_keys_are_reread_before_deciding_and_issuing() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.proxy.clear();
    for nth in 1..=2 {
        provider.proxy.leave_over(nth, 1);
    }
    provider.approve(&request, at(1.0)).await;
    provider.proxy.leave_over(1, 1);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    let calls = provider.proxy.calls();
    let read = calls.iter().filter(|call| call.operation == "BatchGetItem").map(|call| call.touches.len());
    // Request, details, person, asks, client and the two items of the person's evidence; then person, asks, client and what is withdrawn. Nothing is read twice.
    assert_eq!(read.collect::<Vec<_>>(), [7, 6, 5, 4, 3]);
}

#[tokio::test]
async fn keys_left_over_each_time_are_unavailable_and_change_nothing() {
    for step in [Step::Ask, Step::Decide, Step::Redeem] {
        let scene = Scene::set(step).await;
        let before = scene.traces().await;
        for nth in 1..=TRIES {
            scene.provider.proxy.fail_before("BatchGetItem", nth, Refusal::AllLeftOver);
        }
        is_unavailable(&scene.play().await, &format!("{step:?}"));
        assert_eq!(scene.traces().await, before, "{step:?}");
        assert_eq!(scene.play().await.status, 200, "{step:?}: and then it works");
    }
}

/// A service's own text may name a phone number or repeat a value.
#[tokio::test]
async fn the_log_has_a_services_error_code_and_never_its_text() {
    let provider = Provider::start().await;
    let code = "AccessDeniedException".to_owned();
    provider.proxy.fail_before("TransactWriteItems", 1, Refusal::Error { code: code.clone() });
    assert_eq!(provider.ask(&[], at(0.0)).await.status, 503);
    provider.sns.fail_next(Failure::Error { code: "AuthorizationError".to_owned(), status: 403 });
    assert_eq!(provider.ask(&[], at(1.0)).await.status, 503);
    let refused = provider.eavesdropper.lines("refused");
    let lines: Vec<_> = refused.iter().map(Value::to_string).collect();
    for code in [&*code, "AuthorizationError"] {
        assert!(lines.iter().any(|line| line.contains(code)), "{code}: {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.contains("scripted")), "{lines:?}");
}
