//! People whom only the operator's resolver knows.

use std::sync::Arc;

use ciba::domain::base::person_key::PersonKey;
use ciba_local::lambda::Outcome;
use ciba_local::sns::Target;
use ciba_tests::{Provider, Receiver, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{DOWN, HINT, NOBODY, NUMBER, Stand, carol, refused, with};
use crate::operator::done;

const HOUR: f64 = 3600.0;

/// A client that may refresh, always with the same token.
async fn register_teller(stand: &Stand) {
    let teller = json!({"client_id": "teller", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"], "refresh_token_rotation": false});
    stand.provider.register(teller).await.expect("teller");
}

/// Carol, who logs in at the login issuer as `carol-7`.
fn logging_in(stand: &Stand) -> Value {
    with(json!({"issuer": stand.provider.login.issuer()}))
}

/// Carol approved at 2 s what `teller` asked, and `teller` collected it at 5 s: the refresh token.
async fn granted(stand: &Stand) -> String {
    let parameters = [HINT, ("scope", "openid profile offline_access")];
    let asked = stand.provider.ask_as("teller", &parameters, at(0.0)).await;
    let message = stand.provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(stand.provider.decide("carol-7", &request, body, at(2.0)).await.status, 200);
    let tokens = stand.provider.poll_as("teller", asked.text("auth_req_id"), at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    tokens.text("refresh_token").to_owned()
}

/// Status and error.
async fn refreshed(stand: &Stand, token: &str, seconds: f64) -> (u16, String) {
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let request = form_request("/oauth/token", Some(&basic("teller", SECRET)), &body);
    let answer = stand.provider.call(&stand.provider.token, &request, at(seconds)).await;
    (answer.status, answer.body["error"].as_str().unwrap_or_default().to_owned())
}

/// HOOK-1-01
#[tokio::test]
async fn whom_only_the_resolver_knows_is_asked_and_signs_in() {
    let stand = Stand::new().await;
    stand.describes(logging_in(&stand));
    let (auth_req_id, request) = stand.asked(at(0.0)).await;
    let message = stand.provider.sns.messages().pop().expect("a message");
    assert_eq!(message.target, Some(Target::PhoneNumber(NUMBER.to_owned())));
    assert!(message.text.contains("zustimmen"), "in her language: {}", message.text);

    let body = json!({"decision": "approve"});
    assert_eq!(stand.provider.decide("bob", &request, body.clone(), at(1.0)).await.status, 404);
    assert_eq!(stand.provider.decide("carol-7", &request, body, at(2.0)).await.status, 200);
    let tokens = stand.provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let userinfo = super::bearer("/userinfo", tokens.text("access_token"));
    let answer = stand.provider.call(&stand.provider.userinfo, &userinfo, at(6.0)).await;
    assert_eq!((answer.text("sub"), answer.text("name")), ("carol", "Carol Meyer"));
}

/// HOOK-1-02
#[tokio::test]
async fn the_resolver_gets_the_request_and_no_secret() {
    let stand = Stand::new().await;
    let details = r#"[{"type":"payment_initiation","amount":1.50}]"#;
    let parameters =
        [("binding_message", "ABC-12"), ("acr_values", "urn:a urn:b"), ("authorization_details", details)];
    // The client is not registered for such details, so nothing is asked of the resolver.
    assert_eq!(stand.ask(&parameters, at(0.0)).await.status, 400);
    assert!(stand.events().is_empty());

    stand.describes(carol());
    let answer = stand.ask(&parameters[..2], at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut events = stand.events();
    let id = events[0]["id"].take();
    assert!(id.as_str().is_some_and(|id| id.len() == 22), "{id}");
    let request = json!({"scope": "openid profile", "acr_values": "urn:a urn:b", "binding_message": "ABC-12",
        "has_user_code": false});
    let event = json!({"version": 1, "hook": "user_resolver", "id": null, "request": request,
        "client": {"client_id": "kiosk", "client_name": "City Kiosk"},
        "hint": {"kind": "email", "value": "carol@example.com"}});
    assert_eq!(events, [event]);
    assert_eq!(stand.provider.lambda.invocations()[0].caller.as_deref(), Some("backchannelauthentication"));
}

#[tokio::test]
async fn each_hint_reaches_the_resolver_in_canonical_form() {
    let stand = Stand::new().await;
    let iss_sub = json!({"format": "iss_sub", "iss": stand.provider.login.issuer(), "sub": "7"}).to_string();
    for (sent, expected) in [
        ("4711 0815", json!({"kind": "plain", "value": "4711 0815"})),
        ("tel:+1 (555) 555-0300", json!({"kind": "tel", "value": NUMBER})),
        ("email:Carol@Example.com", json!({"kind": "email", "value": "carol@example.com"})),
        ("sub:carol", json!({"kind": "sub", "value": "carol"})),
        (&iss_sub, json!({"kind": "login", "issuer": stand.provider.login.issuer(), "subject": "7"})),
    ] {
        stand.provider.lambda.clear();
        let answer = stand.ask(&[("login_hint", sent)], at(1.0)).await;
        assert_eq!(answer.refusal(), NOBODY);
        let events = stand.events();
        assert_eq!(events.iter().map(|event| &event["hint"]).collect::<Vec<_>>(), [&expected]);
    }
}

/// HOOK-1-03: a person of the directory is that person, whatever the resolver would say.
#[tokio::test]
async fn the_resolver_is_not_asked_about_people_of_the_directory() {
    let stand = Stand::new().await;
    stand.describes(carol());
    let (_, request) = stand.provider.asked(&[], at(0.0)).await;
    stand.provider.approve(&request, at(1.0)).await;
    assert!(stand.events().is_empty());
    done(&stand.provider, &["person", "disable", "alice"], at(2.0)).await;
    assert_eq!(stand.provider.ask(&[], at(3.0)).await.refusal(), NOBODY);
    assert!(stand.events().is_empty(), "not even about one who is disabled");
}

/// HOOK-1-03
#[tokio::test]
async fn an_entry_of_the_directory_is_never_changed() {
    let stand = Stand::new().await;
    let before = stand.provider.items_under("user#").await;
    // By an address that the directory does not have, the resolver means somebody whom it does have.
    stand.describes(with(json!({"issuer": stand.provider.login.issuer(), "subject": "alice", "sub": null})));
    assert_eq!(stand.ask(&[], at(0.0)).await.status, 200);
    let message = stand.provider.sns.messages().pop().expect("a message");
    assert_eq!(message.target, Some(Target::PhoneNumber("+15555550100".to_owned())), "{message:?}");
    let mut after = stand.provider.items_under("user#").await;
    after.retain(|item| item["sk"] != "asks");
    assert_eq!(after, before);
    // Named by a `sub` that she does not have, it is not her.
    let named = stand.ask(&[("login_hint", "sub:somebody")], at(60.0)).await;
    assert_eq!(named.refusal(), DOWN, "the answer names another sub");
    done(&stand.provider, &["person", "disable", "alice"], at(61.0)).await;
    assert_eq!(stand.ask(&[], at(62.0)).await.refusal(), NOBODY);
}

/// HOOK-1-03: a name without an issuer is the resolver's own, and nobody's in the directory.
#[tokio::test]
async fn a_name_of_the_resolver_is_no_sub_of_the_directory() {
    let stand = Stand::new().await;
    // Staff, who approve with a passkey only, numbered as the resolver's database numbers its people.
    let staff = json!({"login": null, "channels": [{"sms": "+15555550199"}]});
    stand.provider.enroll("1", staff).await.expect("staff");
    stand.describes(with(json!({"subject": "1"})));
    assert_eq!(stand.ask(&[], at(0.0)).await.status, 200);
    let message = stand.provider.sns.messages().pop().expect("a message");
    assert_eq!(message.target, Some(Target::PhoneNumber(NUMBER.to_owned())));
    // Without a `sub` of her own she would have that of somebody else.
    stand.describes(with(json!({"subject": "1", "sub": null})));
    assert_eq!(stand.ask(&[("login_hint", "email:dave@example.com")], at(60.0)).await.refusal(), DOWN);
}

/// HOOK-1-03
#[tokio::test]
async fn names_at_other_issuers_are_not_the_resolvers_to_know() {
    let stand = Stand::with(&[("USER_RESOLVER_ISSUERS", "")]).await;
    stand.describes(carol());
    let iss_sub = json!({"format": "iss_sub", "iss": stand.provider.login.issuer(), "sub": "7"}).to_string();
    assert_eq!(stand.ask(&[("login_hint", &iss_sub)], at(0.0)).await.refusal(), NOBODY);
    assert!(stand.events().is_empty());
}

/// HOOK-1-05: of two answers at once, the later one stands with all its names, and no name is left over.
#[tokio::test]
async fn two_answers_at_once_lose_no_device() {
    let stand = Stand::new().await;
    stand.provider.register(json!({"client_id": "till"})).await.expect("till");
    let device =
        |id: &str| json!({"push": format!("arn:aws:sns:us-east-1:123456789012:endpoint/APNS/app/{id}")});
    stand.describes(with(json!({"channels": [device("a")]})));
    assert_eq!(stand.ask(&[], at(0.0)).await.status, 200);
    // The till gets an answer from before the device was registered again.
    let gate = Arc::new(Notify::new());
    let (old, new) = (device("a"), device("b"));
    let held = Arc::clone(&gate);
    stand.provider.lambda.set_function(&stand.arn, move |event| {
        let device = if event["client"]["client_id"] == "till" { &old } else { &new };
        let answer = json!({"version": 1, "user": with(json!({"channels": [device]}))});
        Outcome::ReturnsAfter(Arc::clone(&held), answer.to_string().into_bytes())
    });
    stand.provider.lambda.clear();
    let parameters = [("login_hint", "sub:carol")];
    let open = async {
        while stand.provider.lambda.invocations().len() < 2 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        gate.notify_one();
    };
    let (one, two, ()) = tokio::join!(
        stand.provider.ask_as("kiosk", &parameters, at(60.0)),
        stand.provider.ask_as("till", &parameters, at(60.0)),
        open
    );
    assert_eq!((one.status, two.status), (200, 200), "{one:?} {two:?}");
    let key = PersonKey::from_stored(stand.described().await[0]["user"].as_str().expect("a key"));
    let people = stand.provider.table.find_people(&[key]).await.expect("an answer");
    let stored = stand.provider.items_under("endpoint#").await;
    let listed: Vec<_> = people[0].channels.iter().map(|it| format!("endpoint#{}", it.expose())).collect();
    let bound: Vec<_> = stored.iter().map(|item| item["pk"].as_str().expect("a key")).collect();
    assert_eq!(listed, bound);
}

/// HOOK-1-04
#[tokio::test]
async fn each_request_brings_the_entry_up_to_date() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    let first = stand.described().await;
    assert_eq!(first.len(), 1);
    assert_eq!((&first[0]["sub"], &first[0]["resolved_subject"]), (&json!("carol"), &json!("carol-7")));
    let changed = json!({"channels": [{"sms": "+15555550301"}], "claims": {"name": "Carol Smith"}});
    stand.describes(with(changed));
    // By the `sub`, which the table has: it is asked by the name that it gave.
    stand.provider.asked(&[("login_hint", "sub:carol")], at(60.0)).await;
    let message = stand.provider.sns.messages().pop().expect("a message");
    assert_eq!(message.target, Some(Target::PhoneNumber("+15555550301".to_owned())));
    let last = stand.events().pop().expect("an event");
    assert_eq!(last["hint"], json!({"kind": "subject", "value": "carol-7"}));
    let second = stand.described().await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0]["claims"], r#"{"name":"Carol Smith"}"#);
    assert_ne!(second[0]["resolved_at"], first[0]["resolved_at"]);
}

/// HOOK-1-05
#[tokio::test]
async fn who_a_hint_names_is_nobody_else() {
    let stand = Stand::new().await;
    let issuer = stand.provider.login.issuer().to_owned();
    let iss_sub = json!({"format": "iss_sub", "iss": issuer, "sub": "7"}).to_string();
    stand.describes(with(json!({"issuer": issuer})));
    for hint in ["sub:dave", &iss_sub] {
        assert_eq!(stand.ask(&[("login_hint", hint)], at(1.0)).await.refusal(), DOWN, "{hint}");
    }
    let named = iss_sub.replace("\"7\"", "\"carol-7\"");
    for hint in ["sub:carol", &named] {
        assert_eq!(stand.ask(&[("login_hint", hint)], at(1.0)).await.status, 200, "{hint}");
    }
}

/// HOOK-1-05
#[tokio::test]
async fn a_sub_and_a_name_never_change() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    let before = stand.described().await;
    stand.describes(with(json!({"sub": "caroline"})));
    assert_eq!(stand.ask(&[], at(60.0)).await.refusal(), DOWN);
    // Known by her `sub`, she is asked about by her name, which is another one now.
    stand.describes(with(json!({"subject": "carol-8"})));
    assert_eq!(stand.ask(&[("login_hint", "sub:carol")], at(61.0)).await.refusal(), DOWN);
    // A second person with the `sub` of the first.
    assert_eq!(stand.ask(&[], at(62.0)).await.refusal(), DOWN);
    stand.describes(with(json!({"subject": "dave", "sub": "alice"})));
    assert_eq!(stand.ask(&[], at(63.0)).await.refusal(), DOWN);
    assert_eq!(stand.described().await, before);
    assert_eq!(stand.provider.sns.messages().len(), 1);
}

/// HOOK-1-05
#[tokio::test]
async fn a_device_is_one_persons() {
    let stand = Stand::new().await;
    let endpoint = |id: &str| {
        let arn = format!("arn:aws:sns:us-east-1:123456789012:endpoint/APNS/app/{id}");
        json!({"channels": [{"push": arn}]})
    };
    stand.provider.enroll("dora", endpoint("one")).await.expect("dora");
    stand.describes(with(endpoint("one")));
    refused(&stand, &[HINT], DOWN).await;
    stand.describes(with(endpoint("two")));
    assert_eq!(stand.ask(&[], at(2.0)).await.status, 200);
    // A device that she has no longer can be somebody else's.
    stand.describes(with(endpoint("three")));
    assert_eq!(stand.ask(&[], at(60.0)).await.status, 200);
    stand.provider.enroll("emil", endpoint("two")).await.expect("emil");
    assert!(stand.provider.enroll("fred", endpoint("three")).await.is_err());
}

/// HOOK-1-06
#[tokio::test]
async fn who_is_not_active_at_the_resolver_is_not_asked() {
    let stand = Stand::new().await;
    stand.describes(with(json!({"active": false})));
    refused(&stand, &[HINT], NOBODY).await;
    stand.answers(json!({"version": 1, "error": "access_denied", "reason": "blocked"}));
    refused(&stand, &[HINT], (403, "access_denied")).await;
}

/// HOOK-1-06
#[tokio::test]
async fn an_operator_disables_whom_the_resolver_knows() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    done(&stand.provider, &["person", "disable", "carol"], at(1.0)).await;
    for hint in [HINT, ("login_hint", "sub:carol")] {
        assert_eq!(stand.provider.ask(&[hint], at(60.0)).await.refusal(), NOBODY);
    }
    done(&stand.provider, &["person", "enable", "carol"], at(61.0)).await;
    assert_eq!(stand.ask(&[], at(62.0)).await.status, 200);
}

/// HOOK-1-06: the write judges the entry again.
#[tokio::test]
async fn who_is_disabled_while_the_resolver_answers_is_not_asked() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    let gate = Arc::new(Notify::new());
    let answer = json!({"version": 1, "user": carol()}).to_string().into_bytes();
    stand.does(Outcome::ReturnsAfter(Arc::clone(&gate), answer));
    stand.provider.lambda.clear();
    let operator = async {
        while stand.provider.lambda.invocations().is_empty() {
            tokio::task::yield_now().await;
        }
        done(&stand.provider, &["person", "disable", "carol"], at(60.0)).await;
        gate.notify_one();
    };
    // By her `sub`, so that her entry is read before.
    let parameters = [("login_hint", "sub:carol")];
    let (answer, ()) = tokio::join!(stand.ask(&parameters, at(60.0)), operator);
    assert_eq!(answer.refusal(), DOWN);
    assert_eq!(stand.provider.sns.messages().len(), 1);
    stand.describes(carol());
    assert_eq!(stand.ask(&[], at(61.0)).await.refusal(), NOBODY, "she is still disabled");
}

/// HOOK-1-06
#[tokio::test]
async fn activity_at_the_resolver_counts_at_a_refresh() {
    let stand = Stand::new().await;
    register_teller(&stand).await;
    stand.describes(logging_in(&stand));
    let token = granted(&stand).await;
    stand.provider.lambda.clear();
    assert_eq!(refreshed(&stand, &token, 599.0).await.0, 200);
    assert!(stand.events().is_empty(), "what it said ten minutes ago still counts");

    // What it says to another client counts for that one.
    assert_eq!(stand.provider.ask_as("kiosk", &[HINT], at(HOUR - 60.0)).await.status, 200);
    stand.provider.lambda.clear();
    assert_eq!(refreshed(&stand, &token, HOUR).await.0, 200);
    let mut events = stand.events();
    events[0]["id"].take();
    let name = json!({"kind": "login", "issuer": stand.provider.login.issuer(), "subject": "carol-7"});
    let client = json!({"client_id": "teller", "client_name": "City Kiosk"});
    let event = json!({"version": 1, "hook": "user_resolver", "id": null, "client": client, "hint": name});
    assert_eq!(events, [event], "without a request");

    stand.describes(with(json!({"issuer": stand.provider.login.issuer(), "active": false})));
    assert_eq!(refreshed(&stand, &token, HOUR).await, (400, "invalid_grant".to_owned()));
    stand.answers(json!({"version": 1, "error": "unknown_user_id"}));
    assert_eq!(refreshed(&stand, &token, HOUR).await, (400, "invalid_grant".to_owned()));
    for other in [json!({}), json!({"issuer": stand.provider.login.issuer(), "subject": "dave"})] {
        stand.describes(with(other));
        assert_eq!(refreshed(&stand, &token, HOUR).await.0, 503, "somebody else");
    }
    stand.does(Outcome::Fails);
    assert_eq!(refreshed(&stand, &token, HOUR).await.0, 503);
    stand.describes(logging_in(&stand));
    assert_eq!(refreshed(&stand, &token, HOUR).await.0, 200, "the grant is as it was");
}

/// HOOK-1-04
#[tokio::test]
async fn a_request_over_the_limit_writes_no_entry() {
    let stand = Stand::with(&[("ASKS_PER_TEN_MINUTES", "1")]).await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    let before = stand.described().await;
    stand.describes(with(json!({"claims": {"name": "Somebody Else"}})));
    assert_eq!(stand.ask(&[], at(1.0)).await.refusal(), (403, "access_denied"));
    assert_eq!(stand.described().await, before);
}

/// HOOK-1-01: pushed without another word from the resolver.
#[tokio::test]
async fn tokens_of_a_described_person_are_pushed() {
    let stand = Stand::new().await;
    stand.describes(logging_in(&stand));
    let receiver = Receiver::start().await;
    let till = json!({"client_id": "till", "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": receiver.url()});
    stand.provider.register(till).await.expect("till");
    let parameters = [HINT, ("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255")];
    assert_eq!(stand.provider.ask_as("till", &parameters, at(0.0)).await.status, 200);
    let message = stand.provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": "till", "decision": "approve"});
    assert_eq!(stand.provider.decide("carol-7", &request, body, at(1.0)).await.status, 200);
    stand.provider.deliver(at(2.0)).await;
    assert!(receiver.calls()[0].body["id_token"].is_string(), "{:?}", receiver.calls());
    assert_eq!(stand.events().len(), 1);
}

/// HOOK-1-01
#[tokio::test]
async fn two_first_requests_at_once_make_one_entry() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.provider.register(json!({"client_id": "till"})).await.expect("till");
    let parameters = [HINT];
    let (one, two) = tokio::join!(
        stand.provider.ask_as("kiosk", &parameters, at(0.0)),
        stand.provider.ask_as("till", &parameters, at(0.0))
    );
    assert_eq!((one.status, two.status), (200, 200), "{one:?} {two:?}");
    assert_eq!(stand.described().await.len(), 1);
    assert_eq!(stand.provider.sns.messages().len(), 2);
}

/// HOOK-1-01: all else that a person has is kept under their key.
#[tokio::test]
async fn a_described_person_blocks_clients_and_has_passkeys() {
    let stand = Stand::new().await;
    stand.describes(with(json!({"issuer": stand.provider.login.issuer(), "subject": "carol"})));
    let (_, request) = stand.asked(at(0.0)).await;
    let report = json!({"decision": "report"});
    assert_eq!(stand.provider.decide("carol", &request, report, at(2.0)).await.status, 200);
    assert_eq!(stand.ask(&[], at(60.0)).await.refusal(), (403, "access_denied"));
    let passkey = stand.provider.enroll_passkey("carol", at(61.0)).await;
    drop(passkey);
    let key = PersonKey::new(stand.provider.login.issuer(), "carol");
    let items = stand.provider.items_under(&format!("user#{}", key.as_str())).await;
    let mut kinds: Vec<_> = items.iter().map(|item| item["sk"].as_str().expect("a key")).collect();
    kinds.retain(|kind| kind.starts_with("passkey#") || *kind == "user" || *kind == "asks");
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

/// Without a resolver, those whom it described remain, as an operator would have entered them.
#[tokio::test]
async fn without_a_resolver_its_people_are_the_directorys() {
    let stand = Stand::new().await;
    stand.describes(carol());
    stand.asked(at(0.0)).await;
    let settings = [("USER_RESOLVER_FUNCTION", ""), ("USER_RESOLVER_ISSUERS", "")];
    let without = stand.provider.backchannel_authentication_with(&settings);
    let request = |hint: &str| {
        let body = form(&[("scope", "openid"), ("login_hint", hint)]);
        form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body)
    };
    stand.provider.lambda.clear();
    let answer = stand.provider.call(&without, &request("sub:carol"), at(60.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stand.provider.call(&without, &request(HINT.1), at(60.0)).await.refusal(), NOBODY);
    assert!(stand.events().is_empty());
}

/// HOOK-1-07
#[tokio::test]
async fn without_a_resolver_nothing_is_called_or_written() {
    let provider = Provider::start().await;
    provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.ask(&[HINT], at(1.0)).await.refusal(), NOBODY);
    assert!(provider.lambda.invocations().is_empty());
    let described =
        provider.items_under("user#").await.into_iter().any(|item| !item["resolved_at"].is_null());
    assert!(!described);
}
