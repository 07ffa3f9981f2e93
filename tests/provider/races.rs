//! Many at once, over one engine: what is counted afterwards is records, messages and tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::passkey::{Passkey, PasskeyId};
use ciba::domain::person::ticket::TicketKind;
use ciba::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, Canceller, State};
use ciba::domain::request::evidence::{Outcome, digest_of};
use ciba::domain::request::evidence_document::{Chain, Document, Kind, ProofName, VERSION};
use ciba::flows::asking::cancel_request::cancel;
use ciba::flows::registering::create_ticket;
use ciba::store::{
    Decided, DecisionWrite, EvidenceWrite, PasskeyEnrolled, PasskeyEnrollment, SlowedDown, WriteId,
};
use ciba::verify::webauthn::Asserted;
use ciba_tests::{Answer, Authenticator, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How often each answer was given.
fn counts(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let word = answer.body["error"].as_str().unwrap_or("ok");
        *counts.entry(format!("{} {word}", answer.status)).or_default() += 1;
    }
    counts
}

/// Runs `calls` of them at once.
async fn at_once<F>(calls: usize, call: impl Fn(usize) -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for n in 0..calls {
        tasks.spawn(call(n));
    }
    tasks.join_all().await
}

/// ATK-4-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_parallel_redemptions_one_wins() {
    let provider = Arc::new(Provider::start().await);
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    let answers = at_once(20, |_| {
        let (provider, auth_req_id) = (Arc::clone(&provider), auth_req_id.clone());
        async move { provider.poll(&auth_req_id, at(5.0)).await }
    })
    .await;
    let expected = BTreeMap::from([("200 ok".to_owned(), 1), ("400 invalid_grant".to_owned(), 19)]);
    assert_eq!(counts(&answers), expected);
}

/// ATK-1-05. Another engine may be slower than the functions wait for two hundred.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parallel_requests_ring_one_phone_three_times() {
    let provider = Arc::new(Provider::start().await);
    let crowd = if provider.dynamodb.is_embedded() { 200 } else { 20 };
    for n in 0..10 {
        provider.register(json!({"client_id": format!("client-{n}")})).await.unwrap();
    }
    let answers = at_once(crowd, |n| {
        let provider = Arc::clone(&provider);
        async move { provider.ask_as(&format!("client-{}", n % 10), &[], at(0.0)).await }
    })
    .await;
    let counts = counts(&answers);
    // Who met others at each try is told to come again; nobody else gets anything but a refusal.
    assert_eq!(counts.get("200 ok"), Some(&3), "{counts:?}");
    let refused = counts.get("403 access_denied").copied().unwrap_or_default();
    let busy = counts.get("503 temporarily_unavailable").copied().unwrap_or_default();
    assert_eq!(refused + busy, crowd - 3, "{counts:?}");
    assert_eq!(provider.items_under("request#").await.len(), 3);
    assert_eq!(provider.sns.attempts().len(), 3);
}

/// ATK-1-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_requests_of_one_client_one_is_pending_in_the_end() {
    let provider = Arc::new(Provider::start().await);
    let answers = at_once(20, |_| {
        let provider = Arc::clone(&provider);
        async move { provider.ask(&[], at(0.0)).await }
    })
    .await;
    assert_eq!(counts(&answers).get("200 ok"), Some(&3), "{:?}", counts(&answers));
    let states = provider.items_under("request#").await;
    let pending = states.iter().filter(|item| item["state"] == "pending").count();
    assert_eq!((states.len(), pending), (3, 1), "{states:?}");
}

/// ATK-4-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_decisions_the_first_stands_with_its_evidence() {
    let provider = Arc::new(Provider::start().await);
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let answers = at_once(20, |n| {
        let (provider, request) = (Arc::clone(&provider), request.clone());
        let word = if n % 2 == 0 { "approve" } else { "deny" };
        async move { provider.decide("alice", &request, json!({ "decision": word }), at(1.0)).await }
    })
    .await;
    // The identical repeats of whichever was first are told so; the others come too late.
    let counts = counts(&answers);
    assert_eq!(counts, BTreeMap::from([("200 ok".to_owned(), 10), ("409 not_open".to_owned(), 10)]));
    let decided = answers.iter().find(|answer| answer.status == 200).unwrap().text("decision").to_owned();
    assert!(answers.iter().filter(|a| a.status == 200).all(|a| a.text("decision") == decided));
    let evidence = provider.items_under("evidence#").await;
    let document: Value = serde_json::from_str(evidence[0]["document"].as_str().unwrap()).unwrap();
    assert_eq!((evidence.len(), document["decision"].as_str()), (1, Some(decided.as_str())));
    let poll = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(poll.status == 200, decided == "approved", "{poll:?}");
}

/// ATK-4-07: an approval is collected or taken back, and what was collected is revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collecting_and_taking_back_at_once_leaves_no_access() {
    for first in [0, 1] {
        let provider = Arc::new(Provider::start().await);
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        provider.approve(&request, at(2.0)).await;
        let answers = at_once(20, |n| {
            let (provider, auth_req_id, request) =
                (Arc::clone(&provider), auth_req_id.clone(), request.clone());
            async move {
                if n % 2 == first {
                    provider.poll(&auth_req_id, at(5.0)).await
                } else {
                    provider.decide("alice", &request, json!({"decision": "take_back"}), at(5.0)).await
                }
            }
        })
        .await;
        let tokens: Vec<_> = answers.iter().filter_map(|it| it.body["access_token"].as_str()).collect();
        assert!(tokens.len() <= 1, "{:?}", counts(&answers));
        for token in tokens {
            let body = form(&[("token", token)]);
            let introspect = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &body);
            let found = provider.call(&provider.introspection, &introspect, at(6.0)).await;
            assert_eq!(found.body, json!({"active": false}));
        }
        assert!(answers.iter().any(|it| it.body["decision"] == "taken_back"), "{:?}", counts(&answers));
        let now = provider.table.find_request(&RequestKey::parse(&request).unwrap()).await.unwrap().unwrap();
        let is_collected = answers.iter().any(|it| it.body["access_token"].is_string());
        assert_eq!(now.grant().is_some(), is_collected, "{now:?}");
        let evidence = provider.items_under("evidence#").await;
        assert_eq!(evidence.iter().filter(|item| item["sk"] == "taken_back").count(), 1);
    }
}

/// ATK-4-07: an operator cancels while the person approves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_cancels_and_approvals_the_first_stands() {
    for first in [0, 1] {
        let provider = Arc::new(Provider::start().await);
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        let key = RequestKey::parse(&request).unwrap();
        let mut tasks = JoinSet::new();
        for n in first..first + 20 {
            let (provider, request) = (Arc::clone(&provider), request.clone());
            tasks.spawn(async move {
                if n % 2 == 0 {
                    let invocation = provider.invocation(at(1.0));
                    let outcome =
                        cancel(&provider.table, &key, Canceller::Operator, &invocation).await.unwrap();
                    format!("{outcome:?}").split(' ').next().unwrap_or_default().to_owned()
                } else {
                    let answer =
                        provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0)).await;
                    answer.status.to_string()
                }
            });
        }
        let mut counts = BTreeMap::new();
        for word in tasks.join_all().await {
            *counts.entry(word).or_insert(0) += 1;
        }
        let of = |counted: &[(&str, i32)]| {
            counted.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect::<BTreeMap<_, _>>()
        };
        let cancelled = of(&[("Done", 1), ("Already", 9), ("409", 10)]);
        let approved = of(&[("Decided(Approved)", 10), ("200", 10)]);
        assert!(counts == cancelled || counts == approved, "{counts:?}");
        let evidence = provider.items_under("evidence#").await.len();
        assert_eq!(evidence, usize::from(counts == approved));
        let poll = provider.poll(&auth_req_id, at(5.0)).await;
        assert_eq!(poll.status == 200, counts == approved, "{poll:?}");
    }
}

/// ATK-4-07: the person decides about what they read a moment before it was superseded.
#[tokio::test]
async fn a_decision_that_a_newer_request_overtook_is_not_recorded() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let key = RequestKey::parse(&request).unwrap();
    let read = provider.table.find_request(&key).await.unwrap().unwrap();
    provider.asked(&[], at(1.0)).await;
    let denied = State::Denied { at: at(2.0) };
    assert_eq!(decide_unchecked(&provider, &read, &denied, at(2.0)).await, Decided::Changed);
    let now = provider.table.find_request(&key).await.unwrap().unwrap();
    assert_eq!(now.state, State::Cancelled { at: at(1.0), by: CancelledBy::Superseded });
    assert_eq!(provider.items_under("evidence#").await.len(), 0);
}

/// CIBA-8-03, CIBA-8-05: the write itself holds what was checked before it.
#[tokio::test]
async fn a_late_or_foreign_decision_is_not_recorded_even_unchecked() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let read = provider.table.find_request(&RequestKey::parse(&request).unwrap()).await.unwrap().unwrap();
    let mallory = PersonKey::new(provider.login.issuer(), "mallory");
    for (person, when) in [(&mallory, at(2.0)), (&read.person, at(113.0))] {
        let claimed = AuthenticationRequest { person: person.clone(), ..read.clone() };
        let denied = State::Denied { at: when };
        assert_eq!(decide_unchecked(&provider, &claimed, &denied, when).await, Decided::Changed);
        let now = provider.table.find_request(&read.key).await.unwrap().unwrap();
        assert_eq!(now.state, State::Pending);
    }
    assert_eq!(provider.items_under("evidence#").await.len(), 0);
}

/// ATK-4-07: taking back writes on the state that was read, or not at all.
#[tokio::test]
async fn what_changed_since_it_was_read_is_not_taken_back() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let key = RequestKey::parse(&request).unwrap();
    let read = async || provider.table.find_request(&key).await.unwrap().unwrap();
    let approved = read().await;
    let cancelled = State::Cancelled { at: at(6.0), by: CancelledBy::Person };
    let mallory = PersonKey::new(provider.login.issuer(), "mallory");
    let foreign = AuthenticationRequest { person: mallory.clone(), ..approved.clone() };
    assert_eq!(decide_unchecked(&provider, &foreign, &cancelled, at(2.0)).await, Decided::Changed);
    assert_eq!(decide_unchecked(&provider, &approved, &cancelled, at(120.0)).await, Decided::Changed);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    assert_eq!(decide_unchecked(&provider, &approved, &cancelled, at(6.0)).await, Decided::Changed);
    let redeemed = read().await;
    let foreign = AuthenticationRequest { person: mallory, ..redeemed.clone() };
    assert_eq!(decide_unchecked(&provider, &foreign, &redeemed.state, at(7.0)).await, Decided::Changed);
    assert_eq!(read().await, redeemed);
    assert_eq!(decide_unchecked(&provider, &redeemed, &redeemed.state, at(8.0)).await, Decided::Done);
    assert_eq!(read().await.grant().unwrap().revoked_at, Some(at(8.0)));

    // The client was faster, and there is nothing left to take back.
    let (auth_req_id, request) = provider.asked(&[], at(10.0)).await;
    provider.approve(&request, at(11.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(15.0)).await.status, 200);
    let key = RequestKey::parse(&request).unwrap();
    let redeemed = provider.table.find_request(&key).await.unwrap().unwrap();
    let write = WriteId::new([8; 16]);
    provider.table.revoke_grant(&key, &redeemed.client, at(16.0), &write).await.unwrap();
    assert_eq!(decide_unchecked(&provider, &redeemed, &redeemed.state, at(17.0)).await, Decided::Changed);
}

/// The write of a decision, without the checks before it.
async fn decide_unchecked(
    provider: &Provider,
    request: &AuthenticationRequest,
    state: &State,
    at: Timestamp,
) -> Decided {
    let basis = provider.table.find_for_decision(&request.key, &request.person, &request.client, None).await;
    let seen = basis.unwrap().evidence.chain;
    let chain = seen.clone().unwrap_or_else(|| Chain::new([7; 16]));
    let document = Document {
        version: VERSION,
        kind: if matches!(state, State::Denied { .. }) { Kind::Decision } else { Kind::TakenBack },
        lifted_at: None,
        request: request.key.encode(),
        client_id: request.client.as_str().to_owned(),
        person: request.person.as_str().to_owned(),
        chain: chain.name.clone(),
        sequence: chain.sequence + 1,
        previous: chain.head.clone(),
        at: at.millis(),
        kept_until: at.seconds(),
        decision: Some(Outcome::Denied),
        scope: Some(request.scope.encode()),
        proof: Some(ProofName::Link),
        thumbprint: None,
        alg: None,
        key: None,
        sealed: String::new(),
        commitment: String::new(),
    };
    let text = document.encode();
    let digest = digest_of(&text);
    let next = chain.then(&digest);
    let evidence = EvidenceWrite { document, text, digest, witness: None, seen, next, new_key: None };
    let decision =
        DecisionWrite { request, next: Some(state), at, evidence: &evidence, asks: None, passkey: None };
    provider.table.decide_request(&decision, &WriteId::new([7; 16])).await.unwrap()
}

/// ATK-4-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_early_polls_are_slowed_down_within_the_bound() {
    let provider = Arc::new(Provider::start().await);
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    let answers = at_once(20, |_| {
        let (provider, auth_req_id) = (Arc::clone(&provider), auth_req_id.clone());
        async move { provider.poll(&auth_req_id, at(1.0)).await }
    })
    .await;
    assert_eq!(counts(&answers), BTreeMap::from([("400 slow_down".to_owned(), 20)]));
    assert!(answers.iter().all(|answer| (9..=59).contains(&answer.retry_after())), "{answers:?}");
}

/// ATK-4-03: two polls that found the same interval do not lengthen it twice.
#[tokio::test]
async fn two_early_polls_with_one_interval_lengthen_it_once() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let key = RequestKey::parse(&request).unwrap();
    let seen = provider.table.find_request(&key).await.unwrap().unwrap().polling;
    for (n, expected) in [(1, true), (2, false)] {
        let write = WriteId::new([n; 16]);
        let slowed = provider.table.slow_down_request(&key, seen, seen.slowed_down(), &write).await.unwrap();
        assert_eq!(matches!(slowed, SlowedDown::Done), expected);
    }
    assert_eq!(provider.table.find_request(&key).await.unwrap().unwrap().polling, seen.slowed_down());
}

/// ATK-4-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_polls_in_time_one_is_pending() {
    let provider = Arc::new(Provider::start().await);
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    let answers = at_once(20, |_| {
        let (provider, auth_req_id) = (Arc::clone(&provider), auth_req_id.clone());
        async move { provider.poll(&auth_req_id, at(5.0)).await }
    })
    .await;
    let expected =
        BTreeMap::from([("400 authorization_pending".to_owned(), 1), ("400 slow_down".to_owned(), 19)]);
    assert_eq!(counts(&answers), expected);
}

/// Two uses at one moment, of a key that has just begun to be synced: the second must not say that it never was.
#[tokio::test]
async fn a_use_is_recorded_on_the_flag_that_was_read_or_not_at_all() {
    let provider = Provider::start().await;
    let ticket = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let mut phone = Authenticator::new().bound_to_hardware();
    provider.follow_ticket(&ticket, &mut phone, None, at(0.0)).await;
    let (person, id) = (provider.person("alice"), PasskeyId::of(&phone.credential_id));
    let read = async || provider.table.find_passkey(&person, &id).await.unwrap().expect("a passkey");
    let stale = read().await;
    let used = async |nth: u8, synced: bool| {
        let invocation = provider.invocation(at(1.0));
        let created = create_ticket::create(&provider.table, &person, TicketKind::First, &invocation).await;
        let ticket = provider.table.find_ticket(&created.expect("a ticket").0.hash()).await;
        let ticket = ticket.unwrap().expect("a ticket");
        let (_, passkeys) = provider.table.find_person_with_passkeys(&person).await.unwrap().expect("alice");
        let new = Passkey { id: PasskeyId::of(&[nth; 20]), ..stale.clone() };
        let asserted = Asserted {
            counter: stale.counter,
            credential: stale.credential.clone(),
            backup_eligible: synced,
            origin: Provider::ISSUER.to_owned(),
        };
        let (passkeys, vouching) = (passkeys.expect("a handle"), Some((&stale, &asserted)));
        let write = &invocation.write_id;
        provider
            .table
            .enrol_passkey(
                PasskeyEnrollment {
                    ticket: &ticket,
                    passkey: &new,
                    passkeys: &passkeys,
                    vouching,
                    at: at(1.0),
                },
                write,
            )
            .await
            .unwrap()
    };
    assert_eq!(used(1, true).await, PasskeyEnrolled::Done);
    assert_eq!(used(2, false).await, PasskeyEnrolled::Changed);
    assert!(read().await.backup_eligible);
}
