//! The function is stopped at every step between a decision and the record of its delivery, and meets everything that a
//! client can do. What comes out is one effective delivery, or a dead letter that a replay delivers.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::flows::telling::dead_letters::DeadLetters;
use ciba::store::FailedAttempt;
use ciba_local::disorder::Disorder;
use ciba_tests::{Provider, Reaction, Receiver, START, at};
use serde_json::{Value, json};

use super::{asked, provider_in};

const MODES: [&str; 2] = ["ping", "push"];
const DECISIONS: [&str; 2] = ["approve", "deny"];
/// More steps than an invocation has: reads, claim, call, record, of each of its messages.
const MOST_STEPS: usize = 100;

/// What all runs together came to.
#[derive(Debug, Default)]
struct Counts {
    runs: usize,
    stopped: usize,
    calls: usize,
    effective: usize,
    /// The identical call once more, after a stop between the client's answer and the record of it.
    repeated: usize,
    dead_letters: usize,
    replayed: usize,
}

struct Run {
    provider: Provider,
    receiver: Receiver,
    mode: &'static str,
    decision: &'static str,
    id: String,
}

impl Run {
    /// A request that is decided, its record on its way.
    async fn decided(mode: &'static str, decision: &'static str, disorder: Disorder) -> Self {
        let (provider, receiver) = provider_in(mode).await;
        provider.outbox.disturb(disorder).await;
        let (id, request) = asked(&provider, START).await;
        let answer = provider.decide("alice", &request, json!({ "decision": decision }), at(1.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Self { provider, receiver, mode, decision, id }
    }

    /// What went out of the function so far: to the table, the queues and the client.
    fn steps(&self) -> usize {
        let functions = |caller: Option<&String>| {
            caller.is_some_and(|caller| *caller == Provider::access_key("client-notification"))
        };
        let table = self.provider.proxy.calls().iter().filter(|call| functions(call.caller.as_ref())).count();
        let queues = self.provider.sqs.calls().iter().filter(|call| functions(call.caller.as_ref())).count();
        table + queues + self.receiver.calls().len()
    }

    /// The invocation ends in the middle, after so many steps: as when the sandbox dies. `false` if it came to its end.
    async fn stop_after(&self, steps: usize, now: Timestamp) -> bool {
        let before = self.steps();
        let stopped = std::cell::Cell::new(false);
        let invoke = async |event: Value| {
            let invocation = self.provider.invocation(now);
            let stop = async {
                while self.steps() < before + steps {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            };
            tokio::select! {
                answer = self.provider.client_notification.run(&event, &invocation) => Ok(answer),
                () = stop => {
                    stopped.set(true);
                    Err("the sandbox died".into())
                }
            }
        };
        self.provider.set_clock(now);
        self.provider.outbox.changes(Provider::TELLS_CLIENTS, &invoke).await.expect("a stream");
        self.provider.outbox.deliver(invoke).await;
        stopped.get()
    }

    /// Lets time pass until nothing more happens: past the visibility of what was in flight, several times.
    async fn settle(&self) {
        for second in [2, 3, 4, 6, 10, 18, 26, 40, 60, 95, 100, 130, 190, 200, 290, 400, 800, 1600] {
            self.provider.deliver(at(f64::from(second))).await;
        }
    }

    async fn kept(&self) -> Value {
        super::kept(&self.provider).await
    }

    async fn replay(&self) -> usize {
        let now = at(2000.0);
        self.provider.set_clock(now);
        let (queue, dead_letters) = self.provider.queues();
        let flow = DeadLetters { table: &self.provider.table, queue: &queue, dead_letters: &dead_letters };
        let replayed = flow.replay(None, &self.provider.invocation(now)).await.expect("a replay").len();
        self.provider.deliver(now).await;
        replayed
    }

    /// One effective delivery: what arrived is one text, however often; and of tokens there is one set.
    fn check(&self, counts: &mut Counts, what: &str) {
        let delivered = self.receiver.delivered();
        let texts: BTreeSet<_> = delivered.iter().map(|call| call.text.as_str()).collect();
        let what = format!("{} {} {what}", self.mode, self.decision);
        assert_eq!(texts.len(), 1, "{what}: {delivered:#?}");
        assert!(delivered.len() <= 2, "{what}: {} times", delivered.len());
        assert_eq!(delivered[0].body["auth_req_id"], self.id.as_str(), "{what}");
        let sets: BTreeSet<_> = self
            .receiver
            .calls()
            .iter()
            .filter_map(|call| call.body["access_token"].as_str().map(str::to_owned))
            .collect();
        assert!(sets.len() <= 1, "{what}: {} sets of tokens", sets.len());
        counts.runs += 1;
        counts.calls += self.receiver.calls().len();
        counts.effective += 1;
        counts.repeated += delivered.len() - 1;
    }
}

fn say(counts: &Counts, what: &str) {
    // Past the capture of a test's output: who runs the suite is to see it.
    let _ = writeln!(std::io::stderr(), "{what}: {counts:?}");
}

/// CIBA-10.2-11, CIBA-10.3-08, ATK-4-11
#[tokio::test]
async fn a_function_stopped_at_any_step_still_delivers_once() {
    let mut counts = Counts::default();
    // Once with each record once, so that every step of one attempt is met; and once with records twice and in another
    // order, several of them in one batch.
    for (mode, decision, disorder) in MODES
        .iter()
        .flat_map(|mode| DECISIONS.map(|decision| (*mode, decision, Disorder::default())))
        .chain([("push", "approve", Disorder::full(11))])
    {
        for steps in 0..MOST_STEPS {
            let run = Run::decided(mode, decision, disorder).await;
            run.receiver.always(Reaction::Late(204));
            let stopped = run.stop_after(steps, at(1.0)).await;
            run.provider.outbox.disturb(Disorder::full(steps as u64)).await;
            run.settle().await;
            assert_eq!(run.kept().await["delivery_state"], "delivered", "{mode} {decision} after {steps}");
            run.check(&mut counts, &format!("stopped after {steps}"));
            if !stopped {
                break;
            }
            counts.stopped += 1;
        }
    }
    say(&counts, "stopped at every step");
    assert!(counts.stopped >= 25 && counts.repeated >= 4, "a rule over nothing would hold: {counts:?}");
    assert!(counts.repeated < counts.stopped / 2, "{counts:?}");
}

/// CIBA-10.2-06, CIBA-10.2-08, CIBA-10.2-09, ATK-4-11: this holds whatever the client does.
#[tokio::test]
async fn a_client_is_told_once_or_a_replay_delivers_its_dead_letter() {
    let elsewhere = Receiver::start().await;
    let mut counts = Counts::default();
    for mode in MODES {
        for (reaction, passes) in [
            (Reaction::Status(500), true),
            (Reaction::Status(429), true),
            (Reaction::HangUp, true),
            (Reaction::Silence, true),
            (Reaction::Status(401), false),
            (Reaction::Redirect(elsewhere.url()), false),
        ] {
            let run = Run::decided(mode, "approve", Disorder::full(7)).await;
            run.receiver.react([reaction.clone()]);
            run.settle().await;
            let state = run.kept().await["delivery_state"].clone();
            assert_eq!(state, if passes { "delivered" } else { "failed" }, "{mode} {reaction:?}");
            let letters = run.provider.dead_letters().len();
            assert_eq!(letters > 0, !passes, "{mode} {reaction:?}");
            counts.dead_letters += letters;
            counts.replayed += run.replay().await;
            assert_eq!(run.kept().await["delivery_state"], "delivered", "{mode} {reaction:?}");
            run.check(&mut counts, &format!("{reaction:?}"));
        }
    }
    assert!(elsewhere.calls().is_empty(), "nobody is sent elsewhere");
    say(&counts, "whatever a client does");
    assert!(counts.dead_letters >= 4 && counts.replayed >= 4, "{counts:?}");
}

/// HYG-4-02: the name leads to this machine, which the function may not call; when it leads elsewhere again, a replay does.
#[tokio::test]
async fn a_name_with_a_private_address_becomes_a_dead_letter() {
    let mut counts = Counts::default();
    for mode in MODES {
        let run = Run::decided(mode, "approve", Disorder::full(7)).await;
        let public = [("ISSUER", "https://op.example"), ("LOGIN_ISSUERS", ""), ("RP_ID", "")];
        let abroad = run.provider.client_notification_with(&public);
        for second in [2.0, 100.0, 200.0] {
            run.provider.deliver_to(&abroad, at(second)).await;
        }
        assert!(run.receiver.calls().is_empty(), "{mode}");
        counts.dead_letters += run.provider.dead_letters().len();
        counts.replayed += run.replay().await;
        run.check(&mut counts, "private address");
    }
    say(&counts, "a private address");
}

/// The dead letter is there before its delivery is recorded as failed: stopped in between, it is never lost. Otherwise
/// it tries again.
#[tokio::test]
async fn a_function_stopped_while_giving_up_leaves_a_dead_letter() {
    let mut counts = Counts::default();
    for mode in MODES {
        for steps in 0..MOST_STEPS {
            let run = Run::decided(mode, "approve", Disorder::default()).await;
            run.receiver.always(Reaction::Late(410));
            let stopped = run.stop_after(steps, at(1.0)).await;
            run.settle().await;
            assert_eq!(run.kept().await["delivery_state"], "failed", "{mode} after {steps}");
            assert!(!run.provider.dead_letters().is_empty(), "{mode} after {steps}");
            counts.dead_letters += run.provider.dead_letters().len();
            run.receiver.always(Reaction::Status(204));
            counts.replayed += run.replay().await;
            run.check(&mut counts, &format!("gave up, stopped after {steps}"));
            if !stopped {
                break;
            }
            counts.stopped += 1;
        }
    }
    say(&counts, "stopped while giving up");
}

/// Its queue message would be deleted as settled while the newer attempt is still under way.
#[tokio::test]
async fn an_attempt_that_was_overtaken_records_no_failure() {
    let (provider, _receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(1.0)).await;
    let (table, key) = (&provider.table, RequestKey::parse(&request).expect("a key"));
    let writes = [1.0, 2.0].map(|seconds| provider.invocation(at(seconds)).write_id);
    for (write, lease) in writes.iter().zip([at(2.0), at(3.0)]) {
        let seen = table.find_delivery(&key).await.expect("an answer").expect("a delivery").delivery;
        table.claim_delivery(&key, &seen, lease, write).await.expect("an answer");
    }
    let failed = async |attempts, write| {
        let attempt = FailedAttempt { attempts, failure: "http_401", revoke: false };
        table.fail_delivery(&key, attempt, at(3.0), write).await.expect("an answer")
    };
    assert!(!failed(1, &writes[0]).await, "the second attempt has begun");
    assert!(failed(2, &writes[1]).await, "and is the last");
    assert!(failed(2, &writes[1]).await, "its own write is recognised, if the answer was lost");
    assert!(!failed(2, &writes[0]).await);
}
