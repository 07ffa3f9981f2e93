//! Clients that a person denied or shut out: who waits, who is blocked, and what a block takes away (requirements F.1).

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::client::ClientId;
use ciba::domain::person::asks::Asks;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request, request};
use serde_json::json;

use crate::operator::{done, refused};

const REFUSED: (u16, &str) = (403, "access_denied");

/// A provider whose client `teller` may refresh.
async fn provider() -> Provider {
    let provider = Provider::start().await;
    let teller = json!({"client_id": "teller", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(teller).await.expect("teller");
    provider
}

async fn block(provider: &Provider, sub: &str, client: &str, now: Timestamp) {
    done(provider, &["person", "block", "--sub", sub, "--client", client], now).await;
}

async fn unblock(provider: &Provider, sub: &str, client: &str, now: Timestamp) {
    done(provider, &["person", "unblock", "--sub", sub, "--client", client], now).await;
}

/// Writes what a decision of `alice` about a request of `kiosk` does to her asks.
async fn decided(provider: &Provider, change: impl Fn(&Asks, &ClientId) -> Asks) {
    let alice = PersonKey::new(provider.login.issuer(), "alice");
    let kiosk = ClientId::parse("kiosk").expect("an id");
    let found = provider.table.find_person_with_asks(&alice).await.expect("an answer").expect("alice");
    let write = provider.invocation(at(0.0)).write_id;
    let replaced = provider.table.replace_asks(&alice, &change(&found.1, &kiosk), &write).await;
    assert!(replaced.expect("an answer"));
}

/// `teller` asks `alice` at `seconds` and she approves a second later: the handle.
async fn approved(provider: &Provider, seconds: f64) -> String {
    let asked = provider.ask_as("teller", &[("scope", "openid profile offline_access")], at(seconds)).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    let link = message.rsplit('/').next().expect("a link");
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", link, body, at(seconds + 1.0)).await.status, 200);
    asked.text("auth_req_id").to_owned()
}

/// The status with which each use of `tokens` is answered: userinfo, introspection (`active`), refresh.
async fn uses(provider: &Provider, tokens: &Answer, now: Timestamp) -> (u16, bool, bool, Answer) {
    let access = tokens.text("access_token");
    let bearer = format!("Bearer {access}");
    let userinfo = request("GET", "/userinfo", &[("authorization", &bearer)], "");
    let userinfo = provider.call(&provider.userinfo, &userinfo, now).await;
    let introspect = async |token| {
        let body = form(&[("token", token)]);
        let call = form_request("/oauth/introspect", Some(&basic("teller", SECRET)), &body);
        provider.call(&provider.introspection, &call, now).await.body["active"] == true
    };
    let refresh_token = tokens.text("refresh_token");
    let refresh = form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]);
    let refresh = form_request("/oauth/token", Some(&basic("teller", SECRET)), &refresh);
    (
        userinfo.status,
        introspect(access).await,
        introspect(refresh_token).await,
        provider.call(&provider.token, &refresh, now).await,
    )
}

/// ATK-1-05: fifteen minutes, then an hour; other clients, and this client for other people, do not wait.
#[tokio::test]
async fn a_denied_client_waits_before_it_asks_that_person_again() {
    let provider = provider().await;
    provider.asked(&[], at(0.0)).await;
    decided(&provider, |asks, kiosk| asks.denied(kiosk, at(10.0))).await;

    let before = provider.traces().await;
    for seconds in [10.0, 909.999] {
        assert_eq!(provider.ask(&[], at(seconds)).await.refusal(), REFUSED);
    }
    assert_eq!(provider.traces().await, before, "nothing is stored and nothing sent");
    assert_eq!(provider.ask_as("teller", &[], at(11.0)).await.status, 200);
    assert_eq!(provider.ask(&[("login_hint", "bob")], at(11.0)).await.status, 200);

    assert_eq!(provider.ask(&[], at(910.0)).await.status, 200);
    decided(&provider, |asks, kiosk| asks.denied(kiosk, at(920.0))).await;
    assert_eq!(provider.ask(&[], at(920.0 + 3599.999)).await.refusal(), REFUSED);
    assert_eq!(provider.ask(&[], at(920.0 + 3600.0)).await.status, 200);
    decided(&provider, |asks, kiosk| asks.denied(kiosk, at(4530.0))).await;
    decided(&provider, |asks, kiosk| asks.approved(kiosk)).await;
    assert_eq!(provider.ask(&[], at(5400.0)).await.status, 200, "an approval forgives");
}

/// ATK-1-06: neither the client nor who guesses learns which it was.
#[tokio::test]
async fn waiting_being_blocked_and_a_reached_limit_look_alike() {
    let mut answers = Vec::new();
    for change in ["denied", "blocked", "limit"] {
        let provider = provider().await;
        provider.asked(&[], at(0.0)).await;
        match change {
            "denied" => decided(&provider, |asks, kiosk| asks.denied(kiosk, at(1.0))).await,
            "blocked" => block(&provider, "alice", "kiosk", at(1.0)).await,
            _ => {
                provider.asked(&[], at(1.0)).await;
                provider.asked(&[], at(1.0)).await;
            }
        }
        let answer = provider.ask(&[], at(2.0)).await;
        assert_eq!(answer.refusal(), REFUSED, "{change}");
        answers.push((answer.body, answer.headers));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

/// ATK-1-04, ATK-1-10: all that the client got of this person, at once, and for good. Lifting it brings nothing back.
#[tokio::test]
async fn a_block_ends_what_the_client_got_before() {
    let provider = provider().await;
    let redeemed = approved(&provider, 0.0).await;
    let tokens = provider.poll_as("teller", &redeemed, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let waiting = approved(&provider, 6.0).await;

    block(&provider, "alice", "teller", at(10.0)).await;
    for seconds in [10.0, 20.0] {
        let (userinfo, access, refresh, refreshed) = uses(&provider, &tokens, at(seconds)).await;
        assert_eq!((userinfo, access, refresh), (401, false, false), "{seconds}");
        assert_eq!(refreshed.refusal(), (400, "invalid_grant"), "{seconds}");
        let poll = provider.poll_as("teller", &waiting, at(seconds + 5.0)).await;
        assert_eq!(poll.refusal(), (400, "access_denied"), "{seconds}");
        // The second time round the block is lifted.
        unblock(&provider, "alice", "teller", at(16.0)).await;
    }
}

/// ATK-1-10: what is approved after it is valid.
#[tokio::test]
async fn a_block_is_for_one_person_and_one_client() {
    let provider = provider().await;
    let redeemed = approved(&provider, 0.0).await;
    let tokens = provider.poll_as("teller", &redeemed, at(5.0)).await;
    block(&provider, "bob", "teller", at(6.0)).await;
    block(&provider, "alice", "kiosk", at(6.0)).await;
    let (userinfo, access, refresh, refreshed) = uses(&provider, &tokens, at(7.0)).await;
    assert_eq!((userinfo, access, refresh, refreshed.status), (200, true, true, 200));

    block(&provider, "alice", "teller", at(8.0)).await;
    unblock(&provider, "alice", "teller", at(9.0)).await;
    let later = approved(&provider, 10.0).await;
    let tokens = provider.poll_as("teller", &later, at(15.0)).await;
    let (userinfo, access, refresh, refreshed) = uses(&provider, &tokens, at(16.0)).await;
    assert_eq!((userinfo, access, refresh, refreshed.status), (200, true, true, 200));
}

/// ATK-1-04: for good, until an operator says otherwise.
#[tokio::test]
async fn a_blocked_client_asks_again_only_when_the_block_is_lifted() {
    let provider = provider().await;
    block(&provider, "alice", "kiosk", at(0.0)).await;
    let year = 365.0 * 24.0 * 60.0 * 60.0;
    let before = provider.traces().await;
    assert_eq!(provider.ask(&[], at(year)).await.refusal(), REFUSED);
    assert_eq!(provider.traces().await, before);
    unblock(&provider, "alice", "kiosk", at(year)).await;
    assert_eq!(provider.ask(&[], at(year + 1.0)).await.status, 200);
}

/// ATK-1-05: for a test of a whole deployment, or a person who denied by mistake.
#[tokio::test]
async fn an_operator_lifts_limits_and_cool_downs_and_no_block() {
    let provider = provider().await;
    block(&provider, "alice", "teller", at(0.0)).await;
    for n in 0..3 {
        provider.asked(&[], at(f64::from(n))).await;
    }
    decided(&provider, |asks, kiosk| asks.denied(kiosk, at(3.0))).await;
    assert_eq!(provider.ask(&[], at(4.0)).await.refusal(), REFUSED);
    let forget = async |now| done(&provider, &["person", "forget-asks", "alice"], now).await.json;
    assert_eq!(forget(at(5.0)).await, json!({"sub": "alice", "changed": true}));
    assert_eq!(forget(at(6.0)).await, json!({"sub": "alice", "changed": false}));
    assert_eq!(provider.ask_as("teller", &[], at(7.0)).await.refusal(), REFUSED, "its block stands");
    assert_eq!(provider.ask(&[], at(8.0)).await.status, 200);
    assert!(
        refused(&provider, &["person", "forget-asks", "nobody"], at(9.0)).await.contains("no person nobody")
    );
}

#[tokio::test]
async fn an_operator_blocks_once_and_only_who_is_there() {
    let provider = provider().await;
    let change = |verb, sub, client| ["person", verb, "--sub", sub, "--client", client];
    let blocked = done(&provider, &change("block", "alice", "kiosk"), at(0.0)).await;
    let expected =
        json!({"sub": "alice", "client_id": "kiosk", "blocked_at": at(0.0).seconds(), "changed": true});
    assert_eq!(blocked.json, expected);
    let again = done(&provider, &change("block", "alice", "kiosk"), at(9.0)).await;
    assert_eq!(
        (&again.json["blocked_at"], &again.json["changed"]),
        (&json!(at(0.0).seconds()), &json!(false))
    );
    for (verb, sub, client, why) in [
        ("block", "nobody", "kiosk", "no person nobody"),
        ("unblock", "nobody", "kiosk", "no person nobody"),
        ("block", "alice", "kiosc", "no client kiosc"),
    ] {
        assert!(refused(&provider, &change(verb, sub, client), at(9.0)).await.contains(why));
    }
    for changed in [true, false] {
        let lifted = done(&provider, &change("unblock", "alice", "kiosk"), at(10.0)).await;
        assert_eq!((&lifted.json["blocked_at"], &lifted.json["changed"]), (&json!(null), &json!(changed)));
    }
}
