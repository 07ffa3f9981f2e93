//! Channels of the operator's own: messages that a function delivers.

use std::sync::Arc;
use std::time::Duration;

use ciba::flows::Invocation;
use ciba::http::serve;
use ciba_local::lambda::{Lambda, Outcome};
use ciba_local::proxy::{Loss, Refusal};
use ciba_local::sns::Failure;
use ciba_tests::{Answer, Provider, SECRET, Settings, at, basic, form, form_request, request};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{DOWN, Stand, refused, schema_errors};
use crate::authorization_details::payment;

const ADDRESS: &str = "Dora.Quillfeather@mail.example";
const NUMBER: &str = "+15555550133";
const DEVICE: &str = "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/1";
const HINT: [(&str, &str); 1] = [("login_hint", "dora")];
const DENIED: (u16, &str) = (403, "access_denied");

fn email() -> Value {
    json!({"custom": {"name": "email", "address": ADDRESS}})
}

/// A provider with a notifier that accepts everything, and `dora`, who is reached by it alone.
async fn stand() -> Stand {
    stand_with(json!([email()]), &[]).await
}

async fn stand_with(channels: Value, settings: Settings<'_>) -> Stand {
    let stand = Stand::of("USER_NOTIFIER_FUNCTION", "user-notifier-event", settings).await;
    let entry = json!({"channels": channels, "claims": {"name": "Dora Quillfeather", "locale": "de-AT"}});
    stand.provider.enroll("dora", entry).await.expect("dora");
    stand.answers(outcome("accepted"));
    stand
}

fn outcome(word: &str) -> Value {
    let answer = json!({"version": 1, "outcome": word, "reason": "as the test says"});
    assert_eq!(schema_errors("user-notifier-answer", &answer), [""; 0]);
    answer
}

/// The notifier answers each channel with the outcome for its name.
fn answers_by_name(stand: &Stand, outcomes: &[(&'static str, &'static str)]) {
    let outcomes = outcomes.to_vec();
    stand.provider.lambda.set_function(&stand.arn, move |event| {
        let name = event["channel"]["name"].as_str().expect("a name");
        let (_, word) = outcomes.iter().find(|(of, _)| *of == name).expect("an outcome");
        Outcome::json(&outcome(word))
    });
}

/// Whom messages were sent to or tried, in order: SNS's addresses and the names of custom channels.
fn tried(stand: &Stand) -> Vec<String> {
    let custom = stand.events().into_iter().map(|event| event["channel"]["name"].clone());
    let sns = stand.provider.sns.attempts();
    let sns = sns.iter().map(|message| message.address().expect("an address").to_owned());
    sns.chain(custom.map(|name| name.as_str().expect("a name").to_owned())).collect()
}

/// The end of the link in the notifier's event.
fn request_of(event: &Value) -> String {
    event["request"]["link"].as_str().expect("a link").rsplit('/').next().expect("a key").to_owned()
}

async fn requests(stand: &Stand) -> usize {
    stand.provider.items_under("request#").await.len()
}

/// `kiosk` asks for `dora` in an invocation that leaves this much time for messages.
async fn ask_in_a_hurry(stand: &Stand, for_messages: Duration) -> Answer {
    let body = form(&[("scope", "openid"), HINT[0]]);
    let call = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    let invocation = Invocation::new(at(0.0), Duration::from_secs(4) + for_messages, serve::random);
    stand.provider.call_within(&stand.provider.backchannel_authentication, &call, &invocation).await
}

/// The event, as soon as the notifier was invoked.
async fn event(stand: &Stand) -> Value {
    let invoked = async {
        loop {
            if let Some(event) = stand.events().pop() {
                return event;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), invoked).await.expect("an invocation")
}

/// HOOK-5-02: neither the client nor its words, and of the person no more than the address.
#[tokio::test]
async fn the_notifier_gets_the_link_and_a_text_without_the_client() {
    let stand = stand().await;
    let asked =
        [HINT[0], ("binding_message", "K7-2931"), ("acr_values", "urn:a"), ("requested_expiry", "60")];
    let answer = stand.provider.ask(&asked, at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut events = stand.events();
    let key = request_of(&events[0]);
    assert_eq!(stand.provider.items_under(&format!("request#{key}")).await.len(), 1, "the link leads there");
    let (id, deadline) = (events[0]["id"].take(), events[0]["deadline"].take());
    assert!(id.as_str().is_some_and(|id| id.len() == 22), "{id}");
    // Of the time of day, which is the test's, plus what the call has taken until then, which is little.
    let ahead = deadline.as_i64().expect("a number") - at(0.0).millis();
    assert!((4_000..30_000).contains(&ahead), "{ahead}");
    let link = format!("{}/consent/{key}", Provider::ISSUER);
    let expected = json!({
        "version": 1, "hook": "user_notifier", "id": null, "deadline": null,
        "kind": "request",
        "channel": {"name": "email", "address": ADDRESS},
        "locale": "de",
        "subject": "Example Bank: Ihre Anmeldung",
        "text": format!("Example Bank: Ihrer Anmeldung zustimmen oder sie ablehnen: {link}"),
        "request": {"link": link, "expires_at": at(60.0).seconds()},
    });
    assert_eq!(events, [expected]);
    let invocation = stand.provider.lambda.invocations().pop().expect("an invocation");
    assert_eq!(invocation.caller.as_deref(), Some("backchannelauthentication"));
    assert_eq!(stand.provider.sns.attempts().len(), 0);
    // An SMS setting is about SMS.
    let stand = stand_with(json!([email()]), &[("SMS_SHOWS_REQUEST", "true")]).await;
    assert_eq!(stand.provider.ask(&asked, at(0.0)).await.status, 200);
    let event = stand.events()[0].to_string();
    assert!(!event.contains("City Kiosk") && !event.contains("K7-2931") && !event.contains("Quillfeather\""));
}

/// HOOK-5-02: with the setting, what the page shows, in the person's language.
#[tokio::test]
async fn with_full_content_the_notifier_gets_what_the_page_shows() {
    let stand = stand_with(json!([email()]), &[("USER_NOTIFIER_CONTENT", "full")]).await;
    stand.provider.put_detail_type(&payment()).await;
    let kiosk = json!({"client_id": "kiosk", "scope": "openid profile accounts",
        "scope_descriptions": {"accounts": {"de": "Ihre Konten", "en": "Your accounts"}},
        "authorization_details_types": ["payment"]});
    stand.provider.register(kiosk).await.expect("kiosk");
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer", "reference": "R7"}]);
    let asked = [
        HINT[0],
        ("scope", "openid accounts"),
        ("binding_message", "K7-2931"),
        ("authorization_details", &*details.to_string()),
    ];
    let answer = stand.provider.ask(&asked, at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let event = stand.events().remove(0);
    let key = request_of(&event);
    let link = format!("{}/consent/{key}", Provider::ISSUER);
    assert_eq!(event["text"], format!("Example Bank: Eine Zahlung (City Kiosk)? \"K7-2931\" {link}"));
    assert_eq!(event["subject"], "Example Bank: Eine Zahlung");
    let mut content = event["request"]["content"].clone();
    let openid = content["scopes"][0]["words"].take();
    let expected = json!({
        "client": {"client_id": "kiosk", "client_name": "City Kiosk"},
        "binding_message": "K7-2931",
        "scopes": [{"value": "openid", "words": null}, {"value": "accounts", "words": "Ihre Konten"}],
        "details": [{"title": "Eine Zahlung", "rows": [
            {"label": "Betrag", "value": "100.50 EUR"}, {"label": "An", "value": "M. Meyer R7"}]}],
    });
    assert_eq!(content, expected);
    let call =
        request("GET", &format!("/consent/{key}"), &[("accept", "text/html"), ("accept-language", "de")], "");
    let page = stand.provider.call(&stand.provider.consent, &call, at(1.0)).await.html;
    let openid = openid.as_str().expect("words");
    assert!(page.contains(openid) && page.contains("Ihre Konten") && page.contains("M. Meyer R7"), "{page}");
}

/// HOOK-5-02, HOOK-3-03: what the policy says for the later hooks is part of the content.
#[tokio::test]
async fn the_notifier_gets_the_properties_of_the_policy() {
    let policy = Lambda::arn("rules");
    for (content, expected) in [("full", json!({"branch": "4711-quill"})), ("link", Value::Null)] {
        let settings = [("USER_NOTIFIER_CONTENT", content), ("REQUEST_POLICY_FUNCTION", policy.as_str())];
        let stand = stand_with(json!([email()]), &settings).await;
        let answer = json!({"version": 1, "allowed": true, "properties": {"branch": "4711-quill"}});
        stand.provider.lambda.set_function(&policy, move |_| Outcome::json(&answer));
        assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.status, 200);
        let event = stand.events().remove(0);
        assert_eq!(event["request"]["content"]["properties"], expected);
        assert_eq!(event.to_string().contains("quill\""), content == "full", "{event}");
    }
}

/// HOOK-5-03: as SNS's answers do.
#[tokio::test]
async fn each_outcome_counts_as_the_same_answer_of_sns() {
    for (word, expected) in [("accepted", None), ("unreachable", Some(DENIED)), ("outage", Some(DOWN))] {
        let stand = stand().await;
        stand.answers(outcome(word));
        let answer = stand.provider.ask(&HINT, at(0.0)).await;
        let told = stand.provider.eavesdropper.lines("hook").pop().expect("a line");
        assert_eq!(told["hook"], "user_notifier");
        let Some(refusal) = expected else {
            assert_eq!((answer.status, requests(&stand).await), (200, 1), "{word}");
            assert_eq!((&told["outcome"], &told["hook_failed"]), (&json!("answered"), &json!(0)));
            let line = stand.provider.eavesdropper.lines("notified").pop().expect("a line");
            assert_eq!(line["channel"], "custom:email");
            continue;
        };
        assert_eq!((answer.refusal(), requests(&stand).await), (refusal, 0), "{word}");
        assert_eq!(
            (told["outcome"] == "failed", &told["hook_failed"]),
            (word == "outage", &json!(i32::from(word == "outage")))
        );
        assert_eq!(told["detail"], "as the test says");
        assert!(!answer.html.contains("as the test says"), "{answer:?}");
        let line = stand.provider.eavesdropper.lines("refused").pop().expect("a line");
        assert_eq!(line["detail"], format!("custom:email: user_notifier: {word}"));
        // The ask stays counted, as after SNS's refusal, and the person can be asked again.
        stand.answers(outcome("accepted"));
        assert_eq!(stand.provider.ask(&HINT, at(5.0)).await.status, 200);
    }
}

/// HOOK-2-01: nobody is asked on another channel, because the message may have been sent.
#[tokio::test]
async fn a_notifier_that_fails_is_503_and_leaves_nothing() {
    let stand = stand_with(
        json!([email(), {"sms": NUMBER}]),
        &[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")],
    )
    .await;
    for outcome in [
        Outcome::Fails,
        Outcome::IsDown,
        Outcome::IsThrottled,
        Outcome::Returns(Vec::new()),
        Outcome::Returns(b"null".to_vec()),
        Outcome::Returns(b"<html>".to_vec()),
        Outcome::Returns(b"\xff\xfe".to_vec()),
        Outcome::json(&json!({"version": 1})),
        Outcome::json(&json!({"version": 2, "outcome": "accepted"})),
        Outcome::json(&json!({"version": 1, "outcome": "sent"})),
        Outcome::json(&json!({"version": 1, "outcome": "accepted", "id": "x"})),
        Outcome::json(&json!({"version": 1, "outcome": "accepted", "reason": "x".repeat(17 * 1024)})),
    ] {
        stand.does(outcome.clone());
        let answer = stand.provider.ask(&HINT, at(0.0)).await;
        assert_eq!(answer.refusal(), DOWN, "{outcome:?}");
        assert!(answer.retry_after() > 0 && !answer.html.contains("KeyError"), "{answer:?}");
        assert_eq!(requests(&stand).await, 0, "{outcome:?}");
        assert_eq!(stand.provider.sns.attempts().len(), 0, "{outcome:?}");
    }
}

/// HOOK-2-01
#[tokio::test]
async fn a_notifier_that_does_not_exist_is_503() {
    let gone = [("USER_NOTIFIER_FUNCTION", &*Lambda::arn("gone"))];
    let stand = stand_with(json!([email(), {"sms": NUMBER}]), &gone).await;
    assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.refusal(), DOWN);
    assert_eq!((requests(&stand).await, stand.provider.sns.attempts().len()), (0, 0));
    let line = stand.provider.eavesdropper.lines("refused").pop().expect("a line");
    assert_eq!(line["detail"], "custom:email: user_notifier: Invoke: ResourceNotFoundException");
}

/// HOOK-2-01, HOOK-5-04: the last four seconds of the invocation are for the withdrawal, and what comes late leads nowhere.
#[tokio::test]
async fn a_late_message_leads_to_a_request_that_is_not_open() {
    let stand = stand_with(json!([email(), {"sms": NUMBER}]), &[]).await;
    stand.does(Outcome::Hangs);
    let answer = ask_in_a_hurry(&stand, Duration::from_secs(1)).await;
    assert_eq!(answer.refusal(), DOWN);
    assert_eq!((requests(&stand).await, stand.provider.sns.attempts().len()), (0, 0));
    let event = event(&stand).await;
    let key = request_of(&event);
    let late = stand.provider.decide("dora", &key, json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(late.status, 404);
    let call = request("GET", &format!("/consent/{key}"), &[("accept", "text/html")], "");
    let page = stand.provider.call(&stand.provider.consent, &call, at(1.0)).await;
    assert!(page.status == 404 && page.html.contains("Nothing to decide here"), "{}", page.html);
    let ahead = event["deadline"].as_i64().expect("a number") - at(0.0).millis();
    assert!((0..=1_000).contains(&ahead), "the notifier is told when it is given up: {ahead}");
}

/// HOOK-5-04: a message that nobody would wait for is not sent.
#[tokio::test]
async fn without_time_left_the_notifier_is_not_called() {
    let stand = stand_with(json!([email(), {"sms": NUMBER}]), &[]).await;
    assert_eq!(ask_in_a_hurry(&stand, Duration::ZERO).await.refusal(), DOWN);
    assert_eq!((stand.events().len(), requests(&stand).await), (0, 0));
    assert_eq!(stand.provider.sns.attempts().len(), 0);
}

/// HOOK-5-04: whoever decided did get the message.
#[tokio::test]
async fn a_request_decided_before_the_notifier_fails_is_acknowledged() {
    for (decision, expected) in [("approve", None), ("deny", Some((400, "access_denied")))] {
        for answer in [outcome("outage"), outcome("unreachable"), json!("garbage")] {
            let stand = stand().await;
            let gate = Arc::new(Notify::new());
            stand.does(Outcome::ReturnsAfter(Arc::clone(&gate), answer.to_string().into_bytes()));
            let decide = async {
                let request = request_of(&event(&stand).await);
                let decided = stand.provider.decide("dora", &request, json!({"decision": decision}), at(0.5));
                assert_eq!(decided.await.status, 200);
                gate.notify_one();
            };
            let (asked, ()) = tokio::join!(stand.provider.ask(&HINT, at(0.0)), decide);
            assert_eq!(asked.status, 200, "{decision} {answer}: {asked:?}");
            let poll = stand.provider.poll(asked.text("auth_req_id"), at(5.0)).await;
            match expected {
                None => assert_eq!(poll.status, 200, "{poll:?}"),
                Some(refusal) => assert_eq!(poll.refusal(), refusal),
            }
        }
    }
}

/// HOOK-5-04: stored, then told, then acknowledged.
#[tokio::test]
async fn acknowledgement_waits_until_the_notifier_accepts() {
    let stand = stand().await;
    let gate = Arc::new(Notify::new());
    stand.does(Outcome::ReturnsAfter(Arc::clone(&gate), outcome("accepted").to_string().into_bytes()));
    let ask = stand.provider.ask(&HINT, at(0.0));
    tokio::pin!(ask);
    let request = tokio::select! {
        event = event(&stand) => request_of(&event),
        answer = &mut ask => panic!("{answer:?}"),
    };
    assert_eq!(stand.provider.items_under(&format!("request#{request}")).await[0]["state"], "pending");
    tokio::select! {
        biased;
        answer = &mut ask => panic!("acknowledged before it was accepted: {answer:?}"),
        () = tokio::task::yield_now() => gate.notify_one(),
    }
    assert_eq!(ask.await.status, 200);
}

/// HOOK-5-04: the SDK's repeats change nothing, and a table that fails leaves no handle.
#[tokio::test]
async fn lost_answers_of_the_table_leave_one_request_or_none() {
    for loss in [Loss::Connection, Loss::InternalServerError, Loss::Silence] {
        let stand = stand().await;
        stand.provider.proxy.lose_response("TransactWriteItems", 1, loss);
        let answer = stand.provider.ask(&HINT, at(0.0)).await;
        assert_eq!((answer.status, requests(&stand).await, stand.events().len()), (200, 1, 1));

        stand.answers(outcome("unreachable"));
        stand.provider.proxy.lose_response("DeleteItem", 1, loss);
        assert_eq!(stand.provider.ask(&HINT, at(1.0)).await.refusal(), DENIED);
        // The first one, which the second one has superseded.
        let left = stand.provider.items_under("request#").await;
        assert_eq!(left.iter().map(|it| &it["state"]).collect::<Vec<_>>(), ["cancelled"]);
    }
    let stand = stand().await;
    stand.answers(outcome("outage"));
    for nth in 1..=3 {
        stand.provider.proxy.fail_before("DeleteItem", nth, Refusal::Throttling);
    }
    let answer = stand.provider.ask(&HINT, at(0.0)).await;
    assert_eq!(answer.refusal(), DOWN, "nobody ever gets the handle of what could not be withdrawn");
    assert!(answer.body["auth_req_id"].is_null());
}

/// HOOK-5-03: from each kind of channel to each other.
#[tokio::test]
async fn a_custom_channel_has_its_place_in_the_order() {
    let chat = json!({"custom": {"name": "chat", "address": "U7QUILL"}});
    let (push, sms) = (json!({"push": DEVICE}), json!({"sms": NUMBER}));
    let ok = "accepted";
    for (channels, email_says, expected) in [
        (json!([email(), sms]), ok, &["email"][..]),
        (json!([sms, email()]), ok, &[NUMBER]),
        (json!([push, email(), sms]), ok, &[DEVICE, "email"]),
        (json!([push, email(), sms]), "unreachable", &[DEVICE, NUMBER, "email"]),
        (json!([push, email(), chat, sms]), "unreachable", &[DEVICE, "email", "chat"]),
        (json!([push, email(), chat, sms]), "outage", &[DEVICE, "email"]),
    ] {
        let stand = stand_with(channels.clone(), &[]).await;
        answers_by_name(&stand, &[("email", email_says), ("chat", ok)]);
        stand.provider.sns.fail_for(DEVICE, Failure::EndpointDisabled);
        let answer = stand.provider.ask(&HINT, at(0.0)).await;
        assert_eq!(answer.status, if email_says == "outage" { 503 } else { 200 }, "{channels}");
        assert_eq!(tried(&stand), expected, "{channels}: SNS first, then the notifier");
        let lines = stand.provider.eavesdropper.lines("unreachable");
        let passed: Vec<_> = lines.iter().map(|line| line["channel"].as_str().expect("a channel")).collect();
        let is_refused = |name: &&str| *name == DEVICE || (*name == "email" && email_says == "unreachable");
        let refused = expected.iter().filter(|name| is_refused(name));
        let refused: Vec<_> =
            refused.map(|name| if *name == DEVICE { "push" } else { "custom:email" }).collect();
        assert_eq!(passed, if email_says == "outage" { vec![] } else { refused }, "{channels}");
    }
    // SNS's refusal leads to the notifier, and its outage does not.
    for (failure, status, reached) in [(Failure::OptedOut, 200, 1), (Failure::InternalError, 503, 0)] {
        let stand = stand_with(json!([sms, email()]), &[]).await;
        stand.provider.sns.fail_for(NUMBER, failure);
        assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.status, status);
        assert_eq!(stand.events().len(), reached);
    }
}

/// HOOK-5-04: all channels of a request together have four seconds of the notifier.
#[tokio::test]
async fn custom_channels_share_the_time_of_the_notifier() {
    let names: Vec<_> =
        (0..8).map(|n| json!({"custom": {"name": format!("way-{n}"), "address": ADDRESS}})).collect();
    let stand = stand_with(json!(names), &[]).await;
    stand.answers(outcome("unreachable"));
    assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.refusal(), DENIED);
    let events = stand.events();
    assert_eq!((events.len(), requests(&stand).await), (8, 0));
    assert!(events.iter().all(|event| event["deadline"] == events[0]["deadline"]), "{events:?}");
    let mut ids: Vec<_> = events.iter().map(|event| event["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8, "each is a message of its own");
}

/// HOOK-5-02: by which a notifier tells a repeated call from a new message.
#[tokio::test]
async fn the_id_is_the_same_for_all_attempts_of_a_message() {
    let stand = stand().await;
    stand.does(Outcome::IsThrottled);
    assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.refusal(), DOWN);
    let first = stand.events();
    assert!(first.len() > 1 && first.iter().all(|event| *event == first[0]), "{first:?}");
    stand.provider.lambda.clear();
    assert_eq!(stand.provider.ask(&HINT, at(5.0)).await.refusal(), DOWN);
    assert_ne!(stand.events()[0]["id"], first[0]["id"]);
}

/// HOOK-5-01: nothing was sent, so another channel may be tried.
#[tokio::test]
async fn without_a_notifier_a_custom_channel_is_unreachable() {
    let provider = Provider::start().await;
    for (channels, expected) in [(json!([email(), {"sms": NUMBER}]), 200), (json!([email()]), 403)] {
        provider.enroll("dora", json!({"channels": channels})).await.expect("dora");
        assert_eq!(provider.ask(&HINT, at(0.0)).await.status, expected);
    }
    let line = provider.eavesdropper.lines("unreachable").pop().expect("a line");
    assert_eq!(
        (&line["channel"], &line["detail"]),
        (&json!("custom:email"), &json!("USER_NOTIFIER_FUNCTION is not set"))
    );
    assert_eq!(provider.sns.messages().len(), 1);
}

/// HOOK-1-07: a notifier is called for custom channels only.
#[tokio::test]
async fn other_channels_do_not_know_that_there_is_a_notifier() {
    let calls = async |stand: &Stand| {
        stand.provider.proxy.clear();
        assert_eq!(stand.provider.ask(&HINT, at(0.0)).await.status, 200);
        stand.provider.proxy.calls().into_iter().map(|call| call.operation).collect::<Vec<_>>()
    };
    let by_sms = stand_with(json!([{"sms": NUMBER}]), &[]).await;
    let expected = calls(&by_sms).await;
    assert_eq!((by_sms.events().len(), by_sms.provider.sns.messages().len()), (0, 1));
    let custom = stand().await;
    assert_eq!(calls(&custom).await, expected, "and with one the table is called as before");
    assert_eq!((custom.events().len(), custom.provider.sns.attempts().len()), (1, 0));
}

/// HOOK-1-01, HOOK-5-01: nobody is in the directory, and no message goes through SNS.
#[tokio::test]
async fn a_described_person_is_told_on_a_custom_channel() {
    let people = Lambda::arn("people");
    let settings = [("USER_RESOLVER_FUNCTION", people.as_str()), ("USER_RESOLVER_ISSUERS", Provider::LOGIN)];
    let stand = stand_with(json!([]), &settings).await;
    let login = stand.provider.login.issuer().to_owned();
    let user = json!({"issuer": login, "subject": "carol", "channels": [email(), {"sms": NUMBER}]});
    let answer = json!({"version": 1, "user": user});
    assert_eq!(schema_errors("user-resolver-answer", &answer), [""; 0]);
    stand.provider.lambda.set_function(&people, move |_| Outcome::json(&answer));
    let answer = stand.provider.ask(&[("login_hint", "email:carol@example.com")], at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let event = stand.events().pop().expect("an event");
    assert_eq!(event["channel"], json!({"name": "email", "address": ADDRESS}));
    let decided =
        stand.provider.decide("carol", &request_of(&event), json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    assert_eq!(stand.provider.poll(answer.text("auth_req_id"), at(5.0)).await.status, 200);
    // The entry has the channel, so news of it reaches her there as well.
    stand.provider.lambda.clear();
    stand.provider.enroll_passkey("carol", at(6.0)).await;
    assert_eq!(stand.events().pop().expect("an event")["kind"], "passkey_added");
    assert_eq!(stand.provider.sns.messages().len(), 1, "and by SMS");
}

/// HOOK-1-05: an answer with a channel that nobody can have is at fault.
#[tokio::test]
async fn a_resolver_cannot_describe_a_malformed_custom_channel() {
    let stand = Stand::new().await;
    for custom in [
        json!({"name": "E-Mail", "address": ADDRESS}),
        json!({"name": "email", "address": ""}),
        json!({"name": "email", "address": "x".repeat(256)}),
        json!({"name": "email", "address": "a\u{0}b"}),
        json!({"name": "email"}),
        json!({"name": "email", "address": ADDRESS, "to": "x"}),
        json!(["email", ADDRESS]),
        json!(ADDRESS),
    ] {
        let user = json!({"subject": "carol-7", "sub": "carol", "channels": [{"custom": custom}]});
        stand.answers(json!({"version": 1, "user": user}));
        refused(&stand, &[super::HINT], DOWN).await;
    }
}

/// HOOK-5-05, ATK-7-05: on all channels, without a link.
#[tokio::test]
async fn news_of_a_passkey_goes_to_custom_channels_as_well() {
    let chat = json!({"custom": {"name": "chat", "address": "U7QUILL"}});
    let stand =
        stand_with(json!([email(), {"sms": NUMBER}, chat]), &[("USER_NOTIFIER_CONTENT", "full")]).await;
    answers_by_name(&stand, &[("email", "unreachable"), ("chat", "accepted")]);
    stand.provider.enroll_passkey("dora", at(0.0)).await;
    let mut events = stand.events();
    events.sort_by_key(|event| event["channel"]["name"].as_str().map(str::to_owned));
    let names: Vec<_> = events.iter().map(|event| event["channel"]["name"].clone()).collect();
    assert_eq!(names, ["chat", "email"]);
    assert_eq!(stand.provider.sns.messages()[0].phone_number(), Some(NUMBER));
    for (member, expected) in [
        ("kind", json!("passkey_added")),
        ("locale", json!("de")),
        ("subject", json!("Example Bank: Ihre Passkeys")),
        (
            "text",
            json!("Example Bank: Ihr Konto hat einen neuen Passkey. Das waren Sie nicht? Rufen Sie uns an."),
        ),
        ("request", Value::Null),
    ] {
        assert_eq!(events[0][member], expected);
    }
    let caller = stand.provider.lambda.invocations().pop().and_then(|it| it.caller);
    assert_eq!(caller.as_deref(), Some("enrollment"));
    let lines = stand.provider.eavesdropper.lines("untold");
    let untold: Vec<_> = lines.iter().map(|line| (&line["channel"], &line["detail"])).collect();
    assert_eq!(untold, [(&json!("custom:email"), &json!("user_notifier: unreachable"))]);
}

/// HOOK-5-05: a notifier that hangs keeps nobody from being told through SNS, and the other way round.
#[tokio::test]
async fn news_through_sns_and_the_notifier_do_not_wait_for_each_other() {
    let chat = json!({"custom": {"name": "chat", "address": "U7QUILL"}});
    let stand = stand_with(json!([email(), {"push": DEVICE}, chat, {"sms": NUMBER}]), &[]).await;
    stand.does(Outcome::Hangs);
    stand.provider.sns.fail_for(NUMBER, Failure::Hang(Duration::from_secs(60)));
    let path = stand.provider.ticket("dora", ciba::domain::person::ticket::TicketKind::First, at(0.0)).await;
    let page = stand.provider.enrollment_page(&path, at(0.0)).await;
    let options = page.options("data-options").expect("the page is open");
    let mut authenticator = ciba_tests::Authenticator::new();
    let body = json!({"registration": authenticator.create(&options, Provider::ISSUER)}).to_string();
    let call = ciba_tests::json_request("POST", &path, None, &body);
    // Two seconds are kept for the answer.
    let invocation = Invocation::new(at(0.0), Duration::from_millis(2_500), serve::random);
    let answer = stand.provider.call_within(&stand.provider.enrollment, &call, &invocation).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stand.events().len(), 2, "both were tried");
    let told: Vec<_> =
        stand.provider.sns.messages().iter().map(|it| it.address().map(str::to_owned)).collect();
    assert_eq!(told, [Some(DEVICE.to_owned())]);
    let lines = stand.provider.eavesdropper.lines("untold");
    let untold: Vec<_> = lines.iter().map(|line| line["channel"].as_str().expect("a channel")).collect();
    assert_eq!(untold, ["custom:email", "custom:chat", "sms"], "in their order");
}
