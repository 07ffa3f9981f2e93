//! Several channels: what leads to the next one, and what does not (ATK-7-06).

use std::time::Duration;

use ciba::config::{Environment, Issuer, NotificationSettings, RequestSettings, SmsSettings};
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::client::ClientId;
use ciba::flows::asking::Asking;
use ciba::flows::asking::start_authentication::{StartAuthentication, Unreachable};
use ciba::flows::deciding::keep_evidence::KeepEvidence;
use ciba::flows::telling::tell_person::TellPerson;
use ciba::http::form;
use ciba::keys::{KeyRings, Kms};
use ciba::protocol::backchannel_authentication::BackchannelAuthenticationRequest;
use ciba_local::sns::Failure;
use ciba_tests::{Provider, at, form_request};
use serde_json::json;

use super::{DENIED, ENDPOINT, TOPIC, UNAVAILABLE, asks, requests, with_dora};

const NUMBER: &str = "+15555550133";

fn error(code: &str, status: u16) -> Failure {
    Failure::Error { code: code.to_owned(), status }
}

/// What SNS says of an endpoint, or of a topic, that does not lead anywhere.
fn gone() -> [Failure; 3] {
    [Failure::EndpointDisabled, Failure::EndpointDeleted, Failure::NotFound]
}

/// `dora` with a device, a topic and a number, in this order.
async fn with_three_channels() -> Provider {
    let provider = Provider::start().await;
    with_dora(&provider, json!([{"push": ENDPOINT}, {"topic": TOPIC}, {"sms": NUMBER}])).await;
    provider
}

fn tried(provider: &Provider) -> Vec<String> {
    let address = |message: &ciba_local::sns::Message| message.address().expect("an address").to_owned();
    provider.sns.attempts().iter().map(address).collect()
}

#[tokio::test]
async fn channels_are_tried_in_order_and_the_first_is_enough() {
    let provider = with_three_channels().await;
    assert_eq!(provider.ask(&[("login_hint", "4711")], at(0.0)).await.status, 200);
    assert_eq!(tried(&provider), [ENDPOINT]);
    with_dora(&provider, json!([{"sms": NUMBER}, {"push": ENDPOINT}])).await;
    assert_eq!(provider.ask(&[("login_hint", "4711")], at(60.0)).await.status, 200);
    assert_eq!(tried(&provider), [ENDPOINT, NUMBER]);
}

#[tokio::test]
async fn a_device_that_is_disabled_or_gone_leads_to_the_next_channel() {
    for failure in gone() {
        let provider = with_three_channels().await;
        provider.sns.fail_for(ENDPOINT, failure.clone());
        assert_eq!(provider.ask(&[("login_hint", "4711")], at(0.0)).await.status, 200, "{failure:?}");
        assert_eq!(tried(&provider), [ENDPOINT, TOPIC], "{failure:?}");
        assert_eq!(
            (requests(&provider).await, asks(&provider).await),
            (1, 1),
            "{failure:?}: it is one request"
        );
    }
}

#[tokio::test]
async fn a_topic_that_is_gone_leads_to_the_next_channel() {
    let provider = with_three_channels().await;
    provider.sns.fail_for(ENDPOINT, Failure::EndpointDisabled);
    provider.sns.fail_for(TOPIC, Failure::NotFound);
    assert_eq!(provider.ask(&[("login_hint", "4711")], at(0.0)).await.status, 200);
    assert_eq!(tried(&provider), [ENDPOINT, TOPIC, NUMBER]);
}

/// Also what is our own mistake and concerns everybody, such as an expired certificate of the app.
#[tokio::test]
async fn an_outage_of_push_or_topic_does_not_lead_to_the_next_channel() {
    for failure in [
        Failure::InternalError,
        Failure::Throttled,
        error("PlatformApplicationDisabled", 400),
        error("AuthorizationError", 403),
    ] {
        for (address, before) in [(ENDPOINT, vec![]), (TOPIC, vec![ENDPOINT])] {
            let provider = with_three_channels().await;
            for disabled in &before {
                provider.sns.fail_for(disabled, Failure::EndpointDisabled);
            }
            provider.sns.fail_for(address, failure.clone());
            let answer = provider.ask(&[("login_hint", "4711")], at(0.0)).await;
            assert_eq!(answer.refusal(), UNAVAILABLE, "{failure:?}");
            let mut tried = tried(&provider);
            tried.dedup();
            let expected: Vec<_> = before.iter().copied().chain([address]).collect();
            assert_eq!(tried, expected, "{failure:?}: perhaps repeated, and nowhere else");
            assert_eq!(requests(&provider).await, 0, "{failure:?}");
        }
    }
}

/// ATK-7-01: the hint says a number, and it is nobody's channel.
#[tokio::test]
async fn a_number_of_the_request_is_never_sent_to() {
    for failure in gone() {
        let provider = Provider::start().await;
        with_dora(&provider, json!([{"push": ENDPOINT}])).await;
        provider.sns.fail_for(ENDPOINT, failure);
        let answer = provider.ask(&[("login_hint", "tel:+15555550199")], at(0.0)).await;
        assert_eq!(answer.refusal(), DENIED);
        assert_eq!(tried(&provider), [ENDPOINT]);
        assert_eq!((requests(&provider).await, asks(&provider).await), (0, 1), "the ask stays counted");
    }
}

/// ATK-7-06: not silently. The function writes a line of the log for each of these.
#[tokio::test]
async fn channels_that_were_passed_over_are_told_to_the_log() {
    let provider = with_three_channels().await;
    provider.sns.fail_for(ENDPOINT, Failure::EndpointDisabled);
    provider.sns.fail_for(TOPIC, Failure::NotFound);

    let env: Environment = provider.environment();
    let aws = ciba::aws::Aws::read(&env).expect("AWS");
    let invocation = provider.invocation(at(0.0));
    let rings = KeyRings::new(provider.table.clone(), Kms::connect(&aws));
    let keys = rings.get(invocation.now).await.expect("keys");
    let flow = StartAuthentication {
        table: &provider.table,
        tell: &TellPerson::connect(&aws, SmsSettings::read(&env).expect("settings"), None),
        keys: &keys,
        keeper: KeepEvidence { keys: &rings, witness: None, retention: Duration::from_secs(1) },
        requests: &RequestSettings::read(&env).expect("settings"),
        messages: &NotificationSettings::read(&env, &Issuer::read(&env).expect("an issuer"))
            .expect("settings"),
    };
    let kiosk = ClientId::parse("kiosk").expect("an id");
    let kiosk = provider.table.find_client(&kiosk).await.expect("an answer").expect("kiosk");
    let dora = PersonKey::new(provider.login.issuer(), "dora");
    let (dora, asks) = provider.table.find_person_with_asks(&dora).await.expect("an answer").expect("dora");
    let body = ciba_tests::form(&[("scope", "openid"), ("login_hint", "4711")]);
    let form = form::read(&form_request("/bc-authorize", None, &body)).expect("a form");
    let asked = BackchannelAuthenticationRequest::parse(&form, &kiosk).expect("a request");

    let asking =
        Asking { client: &kiosk, described: None, person: &dora, asked: &asked, detail: &Default::default() };
    let started = flow.start(asking, asks, &invocation).await.expect("a request");
    let passed_over =
        |channel: &'static str, why: &str| Unreachable { channel: channel.into(), why: why.to_owned() };
    let expected =
        [passed_over("push", "Publish: EndpointDisabled"), passed_over("topic", "Publish: NotFound")];
    assert_eq!(started.unreachable, expected);
    assert_eq!(tried(&provider), [ENDPOINT, TOPIC, NUMBER]);
}
