//! Telling the person (design, step 4): an acknowledged request is one that SNS has accepted.

mod fallback;
mod language;
mod push;
mod sms;
mod topic;

use std::time::Duration;

use ciba::flows::Invocation;
use ciba::http::serve;
use ciba_local::sns::{Failure, Message, Outcome};
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

const ALICE: &str = "+15555550100";
const DENIED: (u16, &str) = (403, "access_denied");
const UNAVAILABLE: (u16, &str) = (503, "temporarily_unavailable");

/// `kiosk` asks for `alice`, in an invocation that leaves SNS this much time.
async fn ask_in_a_hurry(provider: &Provider, for_sns: Duration) -> Answer {
    let body = form(&[("scope", "openid profile"), ("login_hint", "alice")]);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    let invocation = Invocation::new(at(0.0), Duration::from_secs(4) + for_sns, serve::random);
    provider.call_within(&provider.backchannel_authentication, &request, &invocation).await
}

const ENDPOINT: &str =
    "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/0f7d5971-aa8b-4bd5-b585-0826e9f93a66";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ciba";

/// `dora` has these channels, and asking for her says all that can be said.
async fn with_dora(provider: &Provider, channels: Value) {
    let entry = json!({
        "hints": {"plain": ["4711"], "email": ["dora@example.com"], "tel": ["+15555550199"]},
        "channels": channels,
        "claims": {"name": "Dora D"},
    });
    provider.enroll("dora", entry).await.expect("dora");
}

/// Asks for `dora`, and expects to be acknowledged. The name of the request.
async fn asked_for_dora(provider: &Provider, parameters: &[(&str, &str)]) -> String {
    let all = [&[("login_hint", "tel:+15555550199"), ("acr_values", "urn:a")], parameters].concat();
    let answer = provider.ask(&all, at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let request = provider.items_under("request#").await.pop().expect("a request");
    request["pk"].as_str().expect("a key").trim_start_matches("request#").to_owned()
}

/// What a message carried, beside its attributes, whose order is nobody's business.
fn parameters(message: &Message) -> Value {
    let of_itself = |name: &str| !name.starts_with("MessageAttributes.") && name != "Version";
    Value::from_iter(message.parameters.clone().into_iter().filter(|(name, _)| of_itself(name)))
}

/// The attributes of a message, as `type: value`.
fn attributes(message: &Message) -> Value {
    let attributes = message.attributes.iter();
    attributes.map(|(name, it)| (name.clone(), format!("{}: {}", it.data_type, it.value))).collect()
}

/// The request's name, as soon as SNS has been called with it.
async fn link(provider: &Provider) -> String {
    let called = async {
        loop {
            if let Some(message) = provider.sns.attempts().pop() {
                return message.text.rsplit('/').next().expect("a link").to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), called).await.expect("a call of SNS")
}

/// `erin` has two numbers.
async fn with_erin() -> Provider {
    let provider = Provider::start().await;
    let erin = json!({"channels": [{"sms": "+15555550111"}, {"sms": "+15555550112"}]});
    provider.enroll("erin", erin).await.expect("erin");
    provider
}

async fn requests(provider: &Provider) -> usize {
    provider.items_under("request#").await.len()
}

/// How often `sub` was asked, as far as limits are concerned.
async fn asks(provider: &Provider) -> usize {
    let items = provider.items().await;
    let asks = items.iter().filter(|item| item["sk"] == "asks");
    asks.map(|item| item["version"].as_str().and_then(|n| n.parse::<usize>().ok()).expect("a version")).sum()
}

/// ATK-7-01, ATK-7-02, ATK-7-03: it goes to the enrolled number.
#[tokio::test]
async fn a_message_has_only_the_operators_name_and_the_link() {
    let provider = Provider::start().await;
    let everything = json!({
        "hints": {"plain": ["4711"], "email": ["dora@example.com"], "tel": ["+15555550199"]},
        "channels": [{"sms": "+1 (555) 555-0133"}],
        "claims": {"name": "Dora D"},
    });
    provider.enroll("dora", everything).await.expect("dora");
    let asked = [("login_hint", "tel:+15555550199"), ("binding_message", "K7-2931"), ("acr_values", "urn:a")];
    let (_, request) = provider.asked(&asked, at(0.0)).await;

    let messages = provider.sns.messages();
    assert_eq!(messages.len(), 1);
    let text =
        format!("Example Bank: approve or decline your sign-in: {}/consent/{request}", Provider::ISSUER);
    assert_eq!(messages[0].text, text, "no client, no message, no hint, no scope, nothing personal");
    let mut sent = Value::from_iter(messages[0].parameters.clone());
    sent["Version"] = Value::Null;
    let expected = json!({
        "Action": "Publish",
        "Version": null,
        "PhoneNumber": "+15555550133",
        "Message": text,
        "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "Transactional",
    });
    assert_eq!(sent, expected);
    let caller = Provider::access_key("backchannel-authentication");
    assert_eq!(messages[0].caller.as_deref(), Some(&*caller), "signed by the function itself");
    assert_eq!(provider.items_under(&format!("request#{request}")).await.len(), 1, "the link leads there");
}

/// ATK-2-06: a second segment costs as much again.
#[tokio::test]
async fn a_message_is_one_segment_whatever_was_asked() {
    let provider = Provider::start().await;
    let long = "1".repeat(64);
    provider.asked(&[("binding_message", &long), ("acr_values", &"a".repeat(512))], at(0.0)).await;
    let text = &provider.sns.messages()[0].text;
    assert!(text.len() <= 160 && text.is_ascii(), "{text}");
}

/// Settings `OPERATOR_NAME` and `CONSENT_URL`
#[tokio::test]
async fn the_operators_name_and_the_links_base_are_settings() {
    let settings = [("OPERATOR_NAME", "Stadtwerke"), ("CONSENT_URL", "https://approve.example/r/")];
    let provider = Provider::with(&settings).await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let text = format!("Stadtwerke: approve or decline your sign-in: https://approve.example/r/{request}");
    assert_eq!(provider.sns.messages()[0].text, text);
}

/// CIBA-7.2-08: persist, then notify, then answer.
#[tokio::test]
async fn acknowledgement_waits_until_sns_accepts_the_message() {
    let provider = Provider::start().await;
    provider.sns.fail_next(Failure::Hang(Duration::from_millis(1500)));
    let watch = async {
        let request = link(&provider).await;
        assert_eq!(provider.items_under(&format!("request#{request}")).await[0]["state"], "pending");
        assert_eq!(provider.sns.messages().len(), 0, "it is stored before SNS accepts anything");
    };
    let (answer, ()) = tokio::join!(provider.ask(&[], at(0.0)), watch);
    assert_eq!(answer.status, 200);
    assert_eq!(provider.sns.attempts()[0].outcome, Outcome::Accepted, "it is answered afterwards");
}

/// CIBA-7.2-09, ATK-7-07
#[tokio::test]
async fn a_number_that_sns_refuses_for_good_is_access_denied() {
    let code = |code: &str| Failure::Error { code: code.to_owned(), status: 400 };
    let codes = ["InvalidParameter", "ParameterValueInvalid", "OptedOut"].map(code);
    for failure in [Failure::OptedOut].into_iter().chain(codes) {
        let provider = Provider::start().await;
        provider.sns.fail_for(ALICE, failure.clone());
        let answer = provider.ask(&[], at(0.0)).await;
        assert_eq!(answer.refusal(), DENIED, "{failure:?}");
        assert_eq!(answer.header("retry-after"), None, "{failure:?}: it will not get better");
        assert_eq!(requests(&provider).await, 0, "{failure:?}");
        assert_eq!(asks(&provider).await, 1, "{failure:?}: the ask stays counted");
        assert_eq!(provider.sns.attempts().len(), 1, "{failure:?}: nor does it help to repeat it");
    }
}

/// CIBA-7.2-09, CIBA-13-03
#[tokio::test]
async fn a_person_without_a_channel_is_access_denied() {
    let provider = Provider::start().await;
    provider.enroll("frank", json!({})).await.expect("frank");
    assert_eq!(provider.ask(&[("login_hint", "frank")], at(0.0)).await.refusal(), DENIED);
    assert_eq!((requests(&provider).await, provider.sns.attempts().len()), (0, 0));
}

/// CIBA-7.2-09, CIBA-10.1-09
#[tokio::test]
async fn an_outage_of_sns_is_unavailable_and_the_request_is_withdrawn() {
    let error = |code: &str, status| Failure::Error { code: code.to_owned(), status };
    for failure in [
        Failure::Throttled,
        Failure::InternalError,
        error("ServiceUnavailable", 503),
        error("ThrottlingException", 400),
        error("Throttled", 429),
        // Our own mistakes are not the person's.
        error("AuthorizationError", 403),
        error("InvalidClientTokenId", 403),
        error("NotFound", 404),
    ] {
        let provider = Provider::start().await;
        provider.sns.fail_for(ALICE, failure.clone());
        let answer = provider.ask(&[], at(0.0)).await;
        assert_eq!(answer.refusal(), UNAVAILABLE, "{failure:?}");
        assert!(answer.retry_after() > 0, "{failure:?}");
        assert_eq!(requests(&provider).await, 0, "{failure:?}");
        assert_eq!(asks(&provider).await, 1, "{failure:?}: the ask stays counted");

        provider.sns.restore(ALICE);
        provider.asked(&[], at(answer.retry_after() as f64)).await;
        assert_eq!(requests(&provider).await, 1, "{failure:?}: and then it works");
    }
}

/// Design, step 4: each call ends 4 s before the invocation does, and those are for the withdrawal.
#[tokio::test]
async fn a_hanging_sns_is_unavailable_and_the_request_withdrawn() {
    let provider = Provider::start().await;
    provider.sns.fail_for(ALICE, Failure::Hang(Duration::from_secs(60)));
    let answer = ask_in_a_hurry(&provider, Duration::from_secs(1)).await;
    assert_eq!(answer.refusal(), UNAVAILABLE);
    assert!(answer.retry_after() > 0);
    assert_eq!((requests(&provider).await, asks(&provider).await), (0, 1));
    let request = link(&provider).await;
    let late = provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(late.status, 404, "a message that comes late leads nowhere");
}

/// Design, step 4
#[tokio::test]
async fn the_next_channel_is_tried_where_one_refuses_the_person() {
    let provider = with_erin().await;
    provider.sns.fail_for("+15555550111", Failure::OptedOut);
    assert_eq!(provider.ask(&[("login_hint", "erin")], at(0.0)).await.status, 200);
    let (attempts, messages) = (provider.sns.attempts(), provider.sns.messages());
    assert_eq!((attempts.len(), messages.len()), (2, 1));
    assert_eq!(messages[0].phone_number(), Some("+15555550112"));
    assert_eq!(attempts[0].text, messages[0].text, "it is one request");
    assert_eq!(requests(&provider).await, 1);
}

/// Design, step 4
#[tokio::test]
async fn the_first_channel_is_enough_where_it_works() {
    let provider = with_erin().await;
    assert_eq!(provider.ask(&[("login_hint", "erin")], at(0.0)).await.status, 200);
    assert_eq!(provider.sns.attempts().len(), 1);
    assert_eq!(provider.sns.messages()[0].phone_number(), Some("+15555550111"));
}

/// Design, step 4: the first message may yet arrive.
#[tokio::test]
async fn the_next_channel_is_not_tried_after_an_outage() {
    let provider = with_erin().await;
    provider.sns.fail_for("+15555550111", Failure::InternalError);
    assert_eq!(provider.ask(&[("login_hint", "erin")], at(0.0)).await.refusal(), UNAVAILABLE);
    let attempts = provider.sns.attempts();
    assert!(attempts.iter().all(|it| it.phone_number() == Some("+15555550111")), "{attempts:?}");
    assert_eq!(requests(&provider).await, 0);
}

/// Design, step 4: the last refusal is the answer. An outage of the last channel is not.
#[tokio::test]
async fn a_person_refused_by_every_channel_is_access_denied() {
    for (last, expected) in [(Failure::OptedOut, DENIED), (Failure::InternalError, UNAVAILABLE)] {
        let provider = with_erin().await;
        provider.sns.fail_for("+15555550111", Failure::OptedOut);
        provider.sns.fail_for("+15555550112", last);
        assert_eq!(provider.ask(&[("login_hint", "erin")], at(0.0)).await.refusal(), expected);
        assert_eq!((requests(&provider).await, asks(&provider).await), (0, 1));
    }
}

/// Design, step 4: whoever decided did get the message.
#[tokio::test]
async fn a_request_that_was_decided_while_sns_hung_is_acknowledged() {
    for (decision, expected) in [("approve", None), ("deny", Some((400, "access_denied")))] {
        let provider = Provider::start().await;
        provider.sns.fail_for(ALICE, Failure::Hang(Duration::from_secs(60)));
        let decide = async {
            let request = link(&provider).await;
            provider.decide("alice", &request, json!({"decision": decision}), at(0.5)).await
        };
        let (answer, decided) = tokio::join!(ask_in_a_hurry(&provider, Duration::from_secs(4)), decide);
        assert_eq!(decided.status, 200, "{decided:?}");
        assert_eq!(answer.status, 200, "{decision}: {answer:?}");
        let poll = provider.poll(answer.text("auth_req_id"), at(5.0)).await;
        match expected {
            None => assert_eq!(poll.status, 200, "{poll:?}"),
            Some(refusal) => assert_eq!(poll.refusal(), refusal),
        }
    }
}

/// Design, "Writes that survive a lost response": the answer to the first was lost.
#[tokio::test]
async fn a_message_sent_twice_is_one_acknowledged_request() {
    let provider = Provider::start().await;
    provider.sns.fail_next(Failure::AnswerLost);
    let answer = provider.ask(&[], at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = provider.sns.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].text, messages[1].text, "both lead to the same request");
    assert_eq!((requests(&provider).await, asks(&provider).await), (1, 1));
}

/// Design, "SDK settings": a short fault is nobody's business.
#[tokio::test]
async fn a_fault_that_passes_is_ridden_out() {
    let throttling = Failure::Error { code: "Throttling".to_owned(), status: 400 };
    for failure in [Failure::InternalError, throttling] {
        let provider = Provider::start().await;
        provider.sns.fail_next(failure.clone());
        assert_eq!(provider.ask(&[], at(0.0)).await.status, 200, "{failure:?}");
        assert_eq!(provider.sns.messages().len(), 1, "{failure:?}");
    }
}

/// CIBA-7.2-09: an outage does not leave the person with two requests when the client tries again.
#[tokio::test]
async fn a_withdrawn_request_is_not_shown_to_the_person() {
    let provider = Provider::start().await;
    provider.sns.fail_for(ALICE, Failure::InternalError);
    provider.ask(&[], at(0.0)).await;
    let list = provider.consent("alice", "GET", "/consent", "", at(1.0)).await;
    assert_eq!(list.body, json!({"requests": []}));
}
