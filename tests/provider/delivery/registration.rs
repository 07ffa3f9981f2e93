//! What a ping or push client registers, and what it sends with a request (CIBA §4, §7.1).

use ciba_tests::mutual_tls::MTLS_URL;
use ciba_tests::{Provider, SECRET, START, at, basic, form, form_request};
use serde_json::json;

use super::{TOKEN, provider_in};

/// CIBA-4-07, CIBA-4-08, ATK-6-01, CIBA-16-02
#[tokio::test]
async fn a_ping_or_push_client_registers_a_callable_endpoint() {
    let provider = Provider::with(&[("ISSUER", "https://op.example"), ("LOGIN_ISSUERS", "")]).await;
    for mode in ["ping", "push"] {
        let register = async |endpoint: Option<&str>| {
            let metadata = json!({"client_id": "till", "backchannel_token_delivery_mode": mode,
                "backchannel_client_notification_endpoint": endpoint});
            provider.register(metadata).await
        };
        assert_eq!(register(Some("https://client.example/ciba")).await, Ok(()));
        for endpoint in [
            None,
            Some("http://client.example/ciba"),
            Some("https://127.0.0.1/"),
            Some("https://localhost/"),
            Some("https://op.example/oauth/token"),
            Some("https://client.example:22/"),
        ] {
            assert!(register(endpoint).await.is_err(), "{mode} {endpoint:?}");
        }
    }
}

/// CIBA-10.3-11, CIBA-14-05: whoever needs bound tokens collects them.
#[tokio::test]
async fn a_client_whose_tokens_are_bound_does_not_have_them_pushed() {
    let (provider, receiver) = provider_in("push").await;
    for member in ["dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"] {
        for (mode, is_refused) in [("push", true), ("ping", false)] {
            let metadata = json!({"client_id": "till", "backchannel_token_delivery_mode": mode,
                "backchannel_client_notification_endpoint": receiver.url(), member: true});
            let registered = provider.register_where(&[MTLS_URL], metadata).await;
            assert_eq!(registered.is_err(), is_refused, "{mode} {member}: {registered:?}");
        }
    }
}

/// CIBA-7.1-06, CIBA-7.1-07, CIBA-7.1-08, CIBA-7.1-09, CIBA-7.2-07
#[tokio::test]
async fn a_ping_or_push_request_needs_a_notification_token() {
    for mode in ["ping", "push"] {
        let (provider, _receiver) = provider_in(mode).await;
        let before = provider.traces().await;
        for (token, why) in [("", "missing"), ("too-short", "22-1024"), (&"a".repeat(1025), "22-1024")] {
            let answer = provider.ask(&[("client_notification_token", token)], START).await;
            assert_eq!(answer.refusal(), (400, "invalid_request"), "{mode} {why}");
            assert!(answer.text("error_description").contains(why), "{answer:?}");
        }
        assert_eq!(provider.traces().await, before, "{mode}");
        let longest = "a".repeat(1024);
        assert_eq!(
            provider.ask(&[("client_notification_token", &longest)], START).await.status,
            200,
            "{mode}"
        );
    }
}

/// CIBA-7.1-10: it is not kept either.
#[tokio::test]
async fn a_poll_clients_notification_token_is_ignored() {
    let provider = Provider::start().await;
    for token in [TOKEN, "not a token"] {
        let answer = provider.ask(&[("client_notification_token", token)], START).await;
        assert_eq!(answer.status, 200, "{token}");
    }
    let items = provider.items_under("request#").await;
    assert!(items.iter().all(|item| item["sk"] == "request"), "{items:?}");
}

/// CIBA-5-01
#[tokio::test]
async fn the_mode_is_the_one_registered_whatever_a_request_says() {
    for (mode, other) in [("ping", "push"), ("push", "poll")] {
        let (provider, receiver) = provider_in(mode).await;
        let asked = [
            ("client_notification_token", TOKEN),
            ("backchannel_token_delivery_mode", other),
            ("token_delivery_mode", other),
        ];
        let (id, request) = provider.asked(&asked, START).await;
        provider.approve(&request, at(2.0)).await;
        provider.deliver(at(2.0)).await;
        let body = &receiver.calls()[0].body;
        assert_eq!(body["auth_req_id"], json!(id), "{mode}");
        assert_eq!(body.get("access_token").is_some(), mode == "push", "{mode}");
    }
}

/// CIBA-7.3-06, CIBA-7.3-08
#[tokio::test]
async fn interval_is_answered_to_who_may_poll() {
    for (mode, interval) in [("ping", Some(5)), ("push", None)] {
        let (provider, _receiver) = provider_in(mode).await;
        let answer = provider.ask(&[("client_notification_token", TOKEN)], START).await;
        assert_eq!(answer.body.get("interval").and_then(|it| it.as_u64()), interval, "{mode}");
    }
}

/// CIBA-4-09: a push client collects nothing at the token endpoint, so it needs no grant type for it.
#[tokio::test]
async fn a_push_client_needs_no_grant_type_and_a_ping_client_does() {
    for (mode, status) in [("push", 200), ("ping", 400)] {
        let (provider, receiver) = provider_in(mode).await;
        super::register(&provider, "kiosk", mode, &receiver.url(), json!({"grant_types": []})).await;
        let answer = provider.ask(&[("client_notification_token", TOKEN)], START).await;
        assert_eq!(answer.status, status, "{mode}");
    }
}

/// CIBA-9-03, FCIBA-32: whoever reads the table cannot call the client, nor see that two tokens are the same.
#[tokio::test]
async fn the_notification_token_is_kept_sealed() {
    let (provider, _receiver) = provider_in("ping").await;
    super::asked(&provider, START).await;
    provider.enroll("carol", json!({"channels": [{"sms": "+15555550199"}]})).await.expect("carol");
    let parameters = [("scope", "openid"), ("login_hint", "carol"), ("client_notification_token", TOKEN)];
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &form(&parameters));
    assert_eq!(provider.call(&provider.backchannel_authentication, &request, START).await.status, 200);

    let sealed = provider.bytes_of("request#", "delivery", "notification_token").await;
    assert_eq!(sealed.len(), 2);
    assert_ne!(sealed[0], sealed[1]);
    for sealed in &sealed {
        assert!(!sealed.windows(8).any(|window| TOKEN.as_bytes().starts_with(window)), "in clear");
    }
}
