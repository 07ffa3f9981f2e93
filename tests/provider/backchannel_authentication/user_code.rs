//! `user_code` (CIBA §7.1.2): who does not know it cannot make the person's phone ring.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{Issuer, NotificationSettings, RequestSettings, SmsSettings};
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::client::{Client, ClientId};
use ciba::domain::details::authorization_details::RequestDetail;
use ciba::domain::person::asks::Asks;
use ciba::flows::asking::Asking;
use ciba::flows::asking::check_user_code::check_user_code;
use ciba::flows::asking::start_authentication::StartAuthentication;
use ciba::flows::deciding::keep_evidence::KeepEvidence;
use ciba::flows::telling::tell_person::TellPerson;
use ciba::http::form;
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::backchannel_authentication::{
    BackchannelAuthenticationError, BackchannelAuthenticationRequest,
};
use ciba::protocol::error::Refusal;
use ciba_tests::{Answer, Provider, at, form as encoded, form_request};
use serde_json::{Value, json};

use super::refused_at;

const INVALID: (u16, &str) = (400, "invalid_request");

const MISSING: (u16, &str) = (400, "missing_user_code");
const WRONG: (u16, &str) = (400, "invalid_user_code");
const CODE: &str = "29-ä1";

/// A provider whose clients `till` and `kiosk-2` take user codes and whose `alice` has one; `bob` has none, and `kiosk` takes
/// none.
async fn provider() -> Provider {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    for id in ["till", "kiosk-2"] {
        let client = json!({"client_id": id, "backchannel_user_code_parameter": true});
        provider.register(client).await.expect(id);
    }
    let alice = json!({"channels": [{"sms": "+15555550100"}], "user_code": CODE});
    provider.enroll("alice", alice).await.expect("alice");
    provider
}

async fn ask(provider: &Provider, code: &str, now: Timestamp) -> Answer {
    provider.ask_as("till", &[("user_code", code)], now).await
}

/// What stays as it was when a code is wrong: requests and messages, and what the person was asked.
async fn untouched(provider: &Provider) -> (Vec<Value>, usize) {
    let (mut items, messages) = provider.traces().await;
    items.retain(|item| item["sk"] != "asks");
    (items, messages)
}

/// A wrong code at `now`: refused, and nothing but that stored.
async fn wrong(provider: &Provider, client: &str, now: Timestamp) {
    let before = untouched(provider).await;
    let answer = provider.ask_as(client, &[("user_code", "1111")], now).await;
    assert_eq!(answer.refusal(), WRONG);
    assert_eq!(untouched(provider).await, before, "nothing is sent and nobody asked");
}

/// CIBA-7.1.2-02, CIBA-7.1.2-03, CIBA-7.1.2-04, CIBA-7.1-22, CIBA-14-04, ATK-1-11
#[tokio::test]
async fn a_person_with_a_code_is_asked_by_who_sends_it_only() {
    let provider = provider().await;
    let before = provider.traces().await;
    for absent in [&[][..], &[("user_code", "")]] {
        assert_eq!(provider.ask_as("till", absent, at(0.0)).await.refusal(), MISSING);
        assert_eq!(provider.traces().await, before, "absence leaves no trace at all");
    }
    wrong(&provider, "till", at(0.0)).await;
    assert_eq!(ask(&provider, CODE, at(1.0)).await.status, 200);
    assert_eq!(untouched(&provider).await.1, 1, "one message");
}

/// CIBA-7.1.2-03, CIBA-7.1.2-05, CIBA-4-13: neither a client nor a person that has nothing to do with codes is held up
/// by one.
#[tokio::test]
async fn a_code_is_required_only_if_client_and_person_have_one() {
    let provider = provider().await;
    assert_eq!(provider.ask_as("till", &[("login_hint", "bob")], at(0.0)).await.status, 200);
    let spare = [("login_hint", "bob"), ("user_code", "1111")];
    assert_eq!(provider.ask_as("till", &spare, at(1.0)).await.status, 200);
    assert_eq!(provider.ask(&[], at(2.0)).await.status, 200);
    let long = "x".repeat(65);
    for ignored in ["1111", &long] {
        assert_eq!(provider.ask(&[("user_code", ignored)], at(3.0)).await.status, 200);
    }
}

/// HYG-1-06, CIBA-7.2-08: what cannot be a code is the client's mistake, and says nothing about a person.
#[tokio::test]
async fn what_cannot_be_a_code_is_an_invalid_request_whoever_is_meant() {
    let provider = provider().await;
    for code in ["x".repeat(65), "12\n4".to_owned()] {
        for hint in ["alice", "bob", "nobody"] {
            let before = provider.traces().await;
            let asked = [("login_hint", hint), ("user_code", &*code)];
            assert_eq!(provider.ask_as("till", &asked, at(0.0)).await.refusal(), INVALID);
            assert_eq!(provider.traces().await, before);
        }
    }
}

/// CIBA-7.2-08, ATK-1-11: hint, then the person's state, then limits, cool-down and block, then the code. A client that may
/// not ask learns nothing about codes, and cannot have them locked for the others.
#[tokio::test]
async fn the_code_is_looked_at_after_the_person_and_the_limits() {
    let nobody = [("login_hint", "nobody"), ("user_code", "1111")];
    for reason in ["limit", "cool-down", "block"] {
        let provider = provider().await;
        assert_eq!(provider.ask_as("till", &nobody, at(0.0)).await.refusal(), (400, "unknown_user_id"));
        let change = |asks: &Asks, till: &ClientId| match reason {
            "cool-down" => asks.denied(till, at(10.0)),
            _ => asks.reported(till, at(10.0)),
        };
        match reason {
            "limit" => {
                for n in 0..16 {
                    assert_eq!(provider.ask(&[], at(f64::from(n))).await.status, 200);
                }
            }
            _ => decided(&provider, change).await,
        }
        let before = provider.traces().await;
        for code in [&[][..], &[("user_code", CODE)], &[("user_code", "1111")]] {
            for _ in 0..6 {
                let answer = provider.ask_as("till", code, at(20.0)).await;
                assert_eq!(answer.refusal(), (403, "access_denied"), "{reason}");
            }
        }
        assert_eq!(provider.traces().await, before, "{reason}: no attempt is counted");
        if reason != "limit" {
            let others = provider.ask_as("kiosk-2", &[("user_code", CODE)], at(20.0)).await;
            assert_eq!(others.status, 200, "{reason}: the others' codes are taken");
        }
    }
}

/// Writes what a decision of `alice` about a request of `till` does to her asks.
async fn decided(provider: &Provider, change: impl Fn(&Asks, &ClientId) -> Asks) {
    let alice = PersonKey::new(provider.login.issuer(), "alice");
    let till = ClientId::parse("till").expect("an id");
    let found = provider.table.find_person_with_asks(&alice).await.expect("an answer").expect("alice");
    let write = provider.invocation(at(0.0)).write_id;
    let replaced = provider.table.replace_asks(&alice, &change(&found.1, &till), &write).await;
    assert!(replaced.expect("an answer"));
}

/// CIBA-7.1.2-06: five attempts of all clients, then none is taken for a minute, then for two. The answer is the one to
/// a wrong code.
#[tokio::test]
async fn after_five_wrong_codes_even_the_right_one_is_refused() {
    let provider = provider().await;
    for n in 0..5 {
        let client = if n % 2 == 0 { "till" } else { "kiosk-2" };
        wrong(&provider, client, at(f64::from(n))).await;
    }
    let locked = provider.traces().await;
    for client in ["till", "kiosk-2"] {
        let right = provider.ask_as(client, &[("user_code", CODE)], at(63.999)).await;
        let guessed = provider.ask_as(client, &[("user_code", "1111")], at(63.999)).await;
        assert_eq!(right.refusal(), WRONG);
        assert_eq!((right.body, right.headers), (guessed.body, guessed.headers));
    }
    assert_eq!(provider.traces().await, locked, "what is not looked at is not counted either");
    assert_eq!(provider.ask(&[], at(63.999)).await.status, 200, "a client without codes goes on");

    wrong(&provider, "till", at(64.0)).await;
    assert_eq!(ask(&provider, CODE, at(183.999)).await.refusal(), WRONG);
    assert_eq!(ask(&provider, CODE, at(184.0)).await.status, 200);
    // `till` is forgiven its four; two of `kiosk-2` still count.
    for n in 0..3 {
        wrong(&provider, "till", at(f64::from(200 + n))).await;
    }
    assert_eq!(ask(&provider, CODE, at(204.0)).await.refusal(), WRONG);
}

/// CIBA-7.1.2-06, HYG-5-01
#[tokio::test]
async fn a_code_is_stored_as_its_hash_only() {
    let provider = provider().await;
    assert_eq!(ask(&provider, CODE, at(0.0)).await.status, 200);
    wrong(&provider, "till", at(1.0)).await;
    let items = provider.items().await;
    let hashed = items.iter().filter_map(|item| item["user_code"].as_str()).collect::<Vec<_>>();
    assert!(matches!(&hashed[..], [hash] if hash.starts_with("$argon2id$")), "{hashed:?}");
    let all = format!("{items:?}");
    assert!(!all.contains(CODE) && !all.contains("1111"), "{all}");
}

/// A code of less than four characters would be guessed within the attempts that there are. An entry without a code
/// removes it.
#[tokio::test]
async fn an_impossible_code_is_not_enrolled() {
    let provider = provider().await;
    for code in ["", "123", "12\t4", &"x".repeat(65)] {
        let refused = provider.enroll("carol", json!({ "user_code": code })).await.expect_err(code);
        assert!(refused.contains("user_code") && (code.is_empty() || !refused.contains(code)), "{refused}");
    }
    provider.enroll("alice", json!({"channels": [{"sms": "+15555550100"}]})).await.expect("alice");
    assert_eq!(provider.ask_as("till", &[], at(0.0)).await.status, 200);
}

async fn find(provider: &Provider, id: &str) -> Client {
    let id = ClientId::parse(id).expect("an id");
    provider.table.find_client(&id).await.expect("an answer").expect("a client")
}

/// CIBA-7.1.2-06: parallel attempts read the same count, and none of them gets past it. A right one behind them is
/// refused.
#[tokio::test]
async fn parallel_code_attempts_are_all_counted() {
    let provider = provider().await;
    let till = find(&provider, "till").await;
    let alice = PersonKey::new(provider.login.issuer(), "alice");
    let read =
        async || provider.table.find_person_with_asks(&alice).await.expect("an answer").expect("alice");
    let asked = |code| {
        let body = encoded(&[("scope", "openid"), ("login_hint", "alice"), ("user_code", code)]);
        let form = form::read(&form_request("/bc-authorize", None, &body)).expect("a form");
        BackchannelAuthenticationRequest::parse(&form, &till).expect("a request")
    };
    let (person, before) = read().await;
    let limits = RequestSettings::read(&provider.environment()).expect("settings").limits;
    let attempt = async |text| {
        let invocation = provider.invocation(at(0.0));
        let asks = before.clone();
        let (asked, detail) = (asked(text), RequestDetail::default());
        let asking =
            Asking { client: &till, described: None, person: &person, asked: &asked, detail: &detail };
        check_user_code(&provider.table, asking, asks, &limits, &invocation).await
    };

    let right = attempt(CODE).await.expect("the right code, as things were");
    let wrong = |refused: Option<Refusal<_>>| {
        let refused = refused.expect("a refusal");
        assert_eq!(refused.error, BackchannelAuthenticationError::InvalidUserCode);
        refused.detail.expect("the cause, for the log")
    };
    for n in 1..=5 {
        assert_eq!(wrong(attempt("1111").await.err()), "the code is wrong");
        assert_eq!(read().await.1.wrong_codes[0].count, n, "although it was read before the others");
    }
    assert!(wrong(attempt("1111").await.err()).contains("too many"));
    assert_eq!(read().await.1.wrong_codes[0].count, 5);

    // The one that was right among them comes to write now.
    let env = provider.environment();
    let aws = Aws::read(&env).expect("AWS");
    let invocation = provider.invocation(at(0.0));
    let rings = KeyRings::new(provider.table.clone(), Kms::connect(&aws));
    let keys = rings.get(invocation.now).await.expect("keys");
    let issuer = Issuer::read(&env).expect("an issuer");
    let flow = StartAuthentication {
        table: &provider.table,
        tell: &TellPerson::connect(&aws, SmsSettings::read(&env).expect("settings"), None),
        keys: &keys,
        keeper: KeepEvidence { keys: &rings, witness: None, retention: Duration::from_secs(1) },
        requests: &RequestSettings::read(&env).expect("settings"),
        messages: &NotificationSettings::read(&env, &issuer).expect("settings"),
    };
    let asked = asked(CODE);
    let asking = Asking {
        client: &till,
        described: None,
        person: &person,
        asked: &asked,
        detail: &Default::default(),
    };
    let started = flow.start(asking, right, &invocation).await;
    assert_eq!(wrong(started.err()), "too many wrong codes arrived in the meantime");
    assert_eq!(untouched(&provider).await, (vec![], 0));
}

/// CIBA-13-06: a wrong code that cannot be counted is not called wrong.
#[tokio::test]
async fn without_the_table_nothing_is_said_about_a_code() {
    let provider = provider().await;
    for _ in 0..3 {
        let broken = ciba_local::proxy::Refusal::InternalServerError;
        provider.proxy.fail_before("UpdateItem", 1, broken);
    }
    let answer = ask(&provider, "1111", at(0.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    refused_at(&provider, &[("scope", "profile")], at(0.0), (400, "invalid_scope")).await;
}
